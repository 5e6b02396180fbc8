"""JSON chats: names, words and times are read; notices, media and other branches are left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fliptrace.core.errors import InputError
from fliptrace.transcripts.chats import READERS
from fliptrace.transcripts.read import read_transcript
from fliptrace.transcripts.transcript import Transcript

Said = list[tuple[float | None, str, str]]
START = 1715717700  # seconds since 1970


def read(folder: Path, value: Any, format: str, part: str = "") -> Transcript:
    path = folder / "chat.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    transcript = read_transcript(f"{path}{part}")
    assert transcript.format == format
    return transcript


def said(transcript: Transcript) -> Said:
    return [(each.start, each.speaker, each.text) for each in transcript.utterances]


def telegram(number: int, sender: str | None, text: Any, **more: Any) -> dict[str, Any]:
    date = f"2024-05-14T20:{15 + number}:00"
    named = {"from": sender, "from_id": f"user{number}", "text": text}
    return {"id": number, "type": "message", "date": date, **named, **more}


def test_a_telegram_chat_is_read_with_its_entities(tmp_path: Path) -> None:
    chat = {
        "name": "Ida",
        "type": "personal_chat",
        "id": 7,
        "messages": [
            {
                "id": 9,
                "type": "service",
                "date": "2024-05-14T20:14:00",
                "actor": "Ida",
                "action": "phone_call",
                "text": "",
            },
            telegram(0, "Ida", ["See ", {"type": "link", "text": "x.org"}, " now"]),
            telegram(1, "Jon", "", photo="p.jpg"),
            telegram(2, None, "Gone"),
            telegram(3, "Jon", "My map", photo="p.jpg"),
        ],
    }
    transcript = read(tmp_path, chat, "telegram")
    assert said(transcript) == [(0.0, "Ida", "See x.org now"), (120.0, "user2", "Gone"), (180.0, "Jon", "My map")]
    assert {"service messages left out: 1", "media left out: 2"} <= set(transcript.notes)


FULL = {
    "about": "",
    "chats": {
        "list": [
            {"name": "Ida", "type": "personal_chat", "id": 7, "messages": [telegram(0, "Ida", "Hello")]},
            {"name": "Trip", "type": "private_group", "id": 8, "messages": [telegram(0, "Jon", "Map")]},
            {"type": "saved_messages", "id": 9, "messages": [telegram(0, "Me", "Note")]},
        ]
    },
}


@pytest.mark.parametrize(
    ("part", "text"), [("#Ida", "Hello"), ("#8", "Map"), ("#saved messages", "Note"), ("#trip", "Map")]
)
def test_one_chat_of_a_full_export_is_chosen_by_name_or_id(tmp_path: Path, part: str, text: str) -> None:
    assert [u.text for u in read(tmp_path, FULL, "telegram", part).utterances] == [text]


@pytest.mark.parametrize(("part", "message"), [("", "3 conversations"), ("#Nobody", "no conversation 'Nobody'")])
def test_a_full_export_needs_the_name_of_a_chat(tmp_path: Path, part: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, FULL, "telegram", part)


def slack(seconds: int, user: str, text: str, **more: Any) -> dict[str, Any]:
    return {"type": "message", "user": user, "text": text, "ts": f"{START + seconds}.000100", **more}


def test_a_slack_channel_is_read_with_names_from_profiles(tmp_path: Path) -> None:
    channel = [
        slack(0, "U1", "<@U1> has joined the channel", subtype="channel_join"),
        slack(
            1, "U1", "&lt;3 <@U2> <https://x.org|the map> <!here>", user_profile={"real_name": "Ida Moe", "name": "ida"}
        ),
        slack(2, "U2", "", files=[{"name": "map.png"}], user_profile={"real_name": "", "display_name": "jon"}),
        slack(3, "U2", "Seen", thread_ts=f"{START}.0"),
        {"type": "message", "subtype": "bot_message", "username": "CI", "text": "Built", "ts": f"{START + 4}.0001"},
        slack(5, "U3", "Who am I"),
    ]
    transcript = read(tmp_path, channel, "slack")
    assert said(transcript) == [
        (0.0, "Ida Moe", "<3 @jon the map @here"),
        (2.0, "jon", "Seen"),
        (3.0, "CI", "Built"),
        (4.0, "U3", "Who am I"),
    ]
    assert {"system messages left out: 1", "files left out: 1"} <= set(transcript.notes)
    assert any("go by their id: 1" in note for note in transcript.notes)


def test_the_answer_of_the_slack_api_is_newest_first(tmp_path: Path) -> None:
    answer = {"ok": True, "messages": [slack(2, "U1", "c"), slack(0, "U2", "b"), slack(0, "U1", "a")]}
    assert [u.text for u in read(tmp_path, answer, "slack").utterances] == ["a", "b", "c"]


def messenger(seconds: int, sender: str, content: str | None, **more: Any) -> dict[str, Any]:
    return {"sender_name": sender, "timestamp_ms": (START + seconds) * 1000, "content": content, **more}


def as_latin_1(text: str) -> str:
    return text.encode().decode("latin-1")


def test_messenger_letters_are_repaired_and_notices_left_out(tmp_path: Path) -> None:
    thread = {
        "participants": [{"name": "Ida"}],
        "messages": [
            messenger(60, as_latin_1("Zoë"), as_latin_1("Olé 🎉")),
            messenger(50, "Ida", "Ida named the group Trip."),
            messenger(40, "Ida", as_latin_1("Reacted ❤ to your message ")),
            messenger(30, "Ida", None, photos=[{"uri": "x"}]),
            messenger(20, "Ida", "Gone", is_unsent=True),
            messenger(0, "Ida", "Ida likes maps"),
        ],
    }
    transcript = read(tmp_path, thread, "messenger")
    assert said(transcript) == [(0.0, "Ida", "Ida likes maps"), (60.0, "Zoë", "Olé 🎉")]
    assert {each.why for each in transcript.left_out} == {"system messages", "reactions", "media", "deleted messages"}


def test_encrypted_messenger_exports_are_read(tmp_path: Path) -> None:
    message = {"senderName": "Ida", "text": "Hello", "timestamp": START * 1000, "type": "text", "media": []}
    assert said(read(tmp_path, {"messages": [message]}, "messenger")) == [(0.0, "Ida", "Hello")]


def discord(second: int, content: str, **more: Any) -> dict[str, Any]:
    time = f"2024-05-14T20:15:{second:02}.5+02:00"
    return {
        "type": "Default",
        "timestamp": time,
        "content": content,
        "author": {"name": "ida", "nickname": "Ida"},
        **more,
    }


def test_a_discord_channel_is_read_with_mentions(tmp_path: Path) -> None:
    mentions = [{"id": "123456", "name": "jon", "nickname": "Jon"}]
    messages = [
        discord(0, "<@123456> look <:map:12345678>", mentions=mentions),
        discord(1, "Joined the server.", type="GuildMemberJoin"),
        discord(2, "", attachments=[{"url": "x"}]),
        discord(3, "yes", type="Reply", author={"name": "jon", "nickname": None}),
    ]
    transcript = read(tmp_path, {"guild": {}, "channel": {}, "messages": messages}, "discord")
    assert said(transcript) == [(0.0, "Ida", "@Jon look :map:"), (3.0, "jon", "yes")]
    assert {"system messages left out: 1", "media left out: 1"} <= set(transcript.notes)


def node(key: str, parent: str | None, role: str, *parts: Any, **more: Any) -> dict[str, Any]:
    content = {"content_type": "text", "parts": list(parts)}
    return {
        "id": key,
        "parent": parent,
        "children": [],
        "message": {"author": {"role": role}, "content": content, **more},
    }


def chatgpt(title: str, current: str | None = "d") -> dict[str, Any]:
    nodes = [
        {"id": "root", "parent": None, "children": ["s"], "message": None},
        node("s", "root", "system", "Be kind"),
        node("a", "s", "user", "Where?", create_time=float(START)),
        node("b", "a", "assistant", "Old answer", create_time=START + 5.0),
        node("c", "a", "assistant", "search()", recipient="browser"),
        node("d", "c", "assistant", "New answer", create_time=START + 9.0),
    ]
    for each in nodes:
        each["children"] = [other["id"] for other in nodes if other["parent"] == each["id"]]
    return {
        "title": title,
        "conversation_id": f"id-{title}",
        "current_node": current,
        "mapping": {n["id"]: n for n in nodes},
    }


@pytest.mark.parametrize("current", ["d", None])
def test_the_branch_of_chatgpt_that_was_seen_last_is_read(tmp_path: Path, current: str | None) -> None:
    transcript = read(tmp_path, [chatgpt("Maps", current)], "chatgpt")
    assert said(transcript) == [(0.0, "user", "Where?"), (9.0, "assistant", "New answer")]
    assert {"messages of other branches left out: 1", "system and tool messages left out: 2"} <= set(transcript.notes)


def test_one_of_several_conversations_of_chatgpt_is_chosen(tmp_path: Path) -> None:
    both = [chatgpt("Maps"), chatgpt("Trains")]
    assert len(read(tmp_path, both, "chatgpt", "#Trains")) == 2
    assert len(read(tmp_path, both, "chatgpt", "#id-Maps")) == 2
    with pytest.raises(InputError, match=r"2 conversations \('Maps', 'Trains'\)"):
        read(tmp_path, both, "chatgpt")


def test_conversations_of_the_same_name_are_chosen_by_id(tmp_path: Path) -> None:
    both = [chatgpt("Maps"), chatgpt("Maps") | {"conversation_id": "other"}]
    with pytest.raises(InputError, match="are called 'Maps'; expected an id"):
        read(tmp_path, both, "chatgpt", "#Maps")
    assert len(read(tmp_path, both, "chatgpt", "#other")) == 2


CLAUDE = {
    "uuid": "1",
    "name": "Maps",
    "chat_messages": [
        {"sender": "human", "text": "Where?", "created_at": "2024-05-14T20:15:00Z"},
        {
            "sender": "assistant",
            "text": "",
            "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Here"}],
            "created_at": "2024-05-14T20:15:05Z",
        },
    ],
}
GOOGLE_CHAT = {
    "messages": [
        {"creator": {"name": "Ida"}, "created_date": "Tuesday, May 14, 2024 at 8:15:00\u202fPM UTC", "text": "Where?"},
        {"creator": {"name": "Jon"}, "created_date": "Tuesday, 14 May 2024 at 20:15:05 UTC", "text": "Here"},
        {"creator": {"name": "Jon"}, "created_date": "", "message_state": "DELETED"},
    ]
}
SKYPE = {
    "conversations": [
        {
            "id": "8:jon",
            "displayName": "Jon",
            "MessageList": [
                {
                    "messagetype": "Event/Call",
                    "originalarrivaltime": "2024-05-14T20:15:09Z",
                    "from": "8:jon",
                    "content": "<x/>",
                },
                {
                    "messagetype": "RichText",
                    "originalarrivaltime": "2024-05-14T20:15:05Z",
                    "from": "8:jon",
                    "content": '<quote author="ida"><legacyquote>[1] </legacyquote>Where?</quote><b>Here</b>',
                },
                {
                    "messagetype": "RichText",
                    "originalarrivaltime": "2024-05-14T20:15:00Z",
                    "from": "8:live:ida",
                    "displayName": "Ida",
                    "content": "Where?",
                },
            ],
        }
    ]
}
TEAMS = {
    "value": [
        {
            "messageType": "message",
            "createdDateTime": "2024-05-14T20:15:05Z",
            "from": {"user": {"displayName": "Jon"}},
            "body": {"contentType": "html", "content": "<div><p>Here</p><attachment id='1'></attachment></div>"},
        },
        {
            "messageType": "message",
            "createdDateTime": "2024-05-14T20:15:00Z",
            "from": {"user": {"displayName": "Ida"}},
            "body": {"contentType": "text", "content": "Where?"},
        },
        {"messageType": "systemEventMessage", "createdDateTime": "2024-05-14T20:14:00Z", "from": None, "body": {}},
    ]
}
MATRIX = {
    "messages": [
        {
            "type": "m.room.message",
            "event_id": "$1",
            "sender": "@Ida:x.org",
            "origin_server_ts": START * 1000,
            "content": {"msgtype": "m.text", "body": "Were?"},
        },
        {
            "type": "m.room.message",
            "event_id": "$2",
            "sender": "@Ida:x.org",
            "origin_server_ts": (START + 2) * 1000,
            "content": {
                "body": "* Where?",
                "m.new_content": {"body": "Where?"},
                "m.relates_to": {"rel_type": "m.replace", "event_id": "$1"},
            },
        },
        {
            "type": "m.room.message",
            "sender": "@Jon:x.org",
            "origin_server_ts": (START + 5) * 1000,
            "content": {"msgtype": "m.text", "body": "Here"},
        },
        {"type": "m.reaction", "sender": "@Ida:x.org", "origin_server_ts": (START + 6) * 1000, "content": {}},
    ]
}


@pytest.mark.parametrize(
    ("value", "format", "names"),
    [
        ([CLAUDE], "claude", ("human", "assistant")),
        (GOOGLE_CHAT, "google-chat", ("Ida", "Jon")),
        (SKYPE, "skype", ("Ida", "Jon")),
        (TEAMS, "teams-chat", ("Ida", "Jon")),
        (MATRIX, "matrix", ("Ida", "Jon")),
    ],
)
def test_a_question_and_its_answer_are_read(tmp_path: Path, value: Any, format: str, names: tuple[str, str]) -> None:
    transcript = read(tmp_path, value, format)
    assert said(transcript) == [(0.0, names[0], "Where?"), (5.0, names[1], "Here")]
    assert transcript.left_out


JSON_READERS = [reader for reader in READERS if ".json" in reader.suffixes]
ODD = [
    None,
    [],
    {},
    7,
    [7],
    {"messages": 7},
    {"messages": [7]},
    {"messages": []},
    [{"mapping": {"a": 7}}],
    {"value": [{}]},
]


@pytest.mark.parametrize("reader", JSON_READERS, ids=lambda reader: reader.name)
@pytest.mark.parametrize("value", ODD, ids=json.dumps)
def test_other_json_is_an_error_when_the_format_is_named(tmp_path: Path, reader: Any, value: Any) -> None:
    path = tmp_path / "chat.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(InputError, match=r"^chat\.json"):
        read_transcript(path, format=reader.name)


@pytest.mark.parametrize("wrong", [7, None, [], {}, "x", 1e300])
def test_values_of_another_type_are_never_another_exception(tmp_path: Path, wrong: Any) -> None:
    for value in (FULL, [slack(0, "U1", "a")], {"messages": [messenger(0, "Ida", "a")]}, [chatgpt("x")], *_MORE):
        for changed in _with_one_changed(value, wrong):
            path = tmp_path / "chat.json"
            path.write_text(json.dumps(changed), encoding="utf-8")
            try:
                read_transcript(path)
            except InputError:
                continue


_MORE = ([CLAUDE], GOOGLE_CHAT, SKYPE, TEAMS, MATRIX, {"guild": {}, "messages": [discord(0, "a")]})


def _with_one_changed(value: Any, wrong: Any, depth: int = 7) -> list[Any]:
    """Copies of a JSON value, in each of which one value inside is `wrong`."""
    if not depth or not isinstance(value, dict | list):
        return [wrong]
    if isinstance(value, list):
        return [
            wrong,
            *(
                [*value[:i], new, *value[i + 1 :]]
                for i in range(len(value))
                for new in _with_one_changed(value[i], wrong, depth - 1)
            ),
        ]
    return [wrong, *(value | {key: new} for key in value for new in _with_one_changed(value[key], wrong, depth - 1))]
