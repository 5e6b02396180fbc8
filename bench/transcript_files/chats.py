"""Writers of exported chats."""

from __future__ import annotations

from datetime import datetime

from transcript_files.dialogue import (
    OPENING,
    PEOPLE,
    Dialogue,
    Spoken,
    as_json,
    epoch_ms,
    iso,
    objects,
    people,
    writes,
)


@writes("whatsapp")
def _whatsapp(said: Dialogue) -> str:
    return "".join(f"{each.when:%d/%m/%Y, %H:%M} - {each.speaker}: {each.text}\n" for each in said)


@writes("telegram")
def _telegram(said: Dialogue) -> str:
    rows = objects(
        said,
        id="index",
        type=lambda _: "message",
        date=lambda e: e.when.isoformat(timespec="seconds"),
        **{"from": "speaker"},
        from_id=lambda e: f"user{e.number}",
        text="text",
        text_entities=lambda e: [{"type": "plain", "text": e.text}],
    )
    return as_json({"name": "x", "type": "private_group", "id": 1, "messages": rows})


@writes("telegram-html")
def _telegram_html(said: Dialogue) -> str:
    return (
        '<!DOCTYPE html><html><head><title>Exported Data</title></head><body><div class="history">\n'
        + "".join(
            f'<div class="message default clearfix" id="message{each.index}"><div class="body">'
            f'<div class="pull_right date details" title="{each.when:%d.%m.%Y %H:%M:%S}">{each.when:%H:%M}</div>'
            f'<div class="from_name">{each.speaker}</div><div class="text">{each.text}</div></div></div>\n'
            for each in said
        )
        + "</div></body></html>"
    )


@writes("slack")
def _slack(said: Dialogue) -> str:
    rows = objects(
        said,
        user=lambda e: f"U{e.number:02}",
        type=lambda _: "message",
        ts=lambda e: f"{epoch_ms(e) / 1000:.6f}",
        text="text",
        user_profile=lambda e: {"real_name": e.speaker, "name": e.speaker},
    )
    return as_json(rows)


@writes("discord")
def _discord(said: Dialogue) -> str:
    rows = objects(
        said,
        id=lambda e: str(e.index),
        type=lambda _: "Default",
        timestamp=iso,
        content="text",
        author=lambda e: {"id": str(e.number), "name": e.speaker, "isBot": False},
    )
    return as_json({"guild": {"name": "x"}, "channel": {"name": "x"}, "messages": rows})


@writes("headed-chat")
def _headed_chat(said: Dialogue) -> str:
    return "".join(f"[{each.when:%m/%d/%Y %I:%M %p}] {each.speaker}\n{each.text}\n\n" for each in said)


@writes("messenger")
def _messenger(said: Dialogue) -> str:
    rows = objects(list(said)[::-1], sender_name="speaker", timestamp_ms=epoch_ms, content="text")
    return as_json({"participants": people(name=lambda _, name: name), "messages": rows})


@writes("imessage")
def _imessage(said: Dialogue) -> str:
    return "".join(f"{each.when:%b %d, %Y  %I:%M:%S %p}\n{each.speaker}\n{each.text}\n\n" for each in said)


@writes("line")
def _line(said: Dialogue) -> str:
    rows = "".join(f"{each.when:%H:%M}\t{each.speaker}\t{each.text}\n" for each in said)
    return f"{OPENING:%Y/%m/%d(%a)}\n{rows}"


@writes("kakaotalk")
def _kakaotalk(said: Dialogue) -> str:
    def clock(time: datetime) -> str:
        return f"{'오전' if time.hour < 12 else '오후'} {(time.hour - 1) % 12 + 1}:{time:%M}"

    rows = "".join(f"[{each.speaker}] [{clock(each.when)}] {each.text}\n" for each in said)
    return f"--------------- 2025년 1월 4일 토요일 ---------------\n{rows}"


@writes("sms-xml")
def _sms_xml(said: Dialogue) -> str:
    rows = "".join(
        f'<sms address="+1" date="{epoch_ms(each)}" type="{1 + each.index % 2}" body="{each.text}" '
        f'contact_name="{PEOPLE[0]}" />\n'
        for each in said
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<smses count="{len(said)}">\n{rows}</smses>'


@writes("zoom-chat")
def _zoom_chat(said: Dialogue) -> str:
    return "".join(f"{each.when:%H:%M:%S} From {each.speaker} to Everyone:\n\t{each.text}\n" for each in said)


@writes("irc")
def _irc(said: Dialogue) -> str:
    return "".join(f"[{each.when:%H:%M}] <{each.speaker}> {each.text}\n" for each in said)


@writes("chatgpt")
def _chatgpt(said: Dialogue) -> str:
    def message(each: Spoken) -> dict[str, object]:
        author = {"role": "user" if each.index % 2 == 0 else "assistant"}
        content = {"content_type": "text", "parts": [each.text]}
        return {"author": author, "create_time": epoch_ms(each) / 1000, "content": content}

    mapping = {
        f"m{i}": {
            "id": f"m{i}",
            "message": message(each),
            "parent": f"m{i - 1}" if i else None,
            "children": [f"m{i + 1}"] if i + 1 < len(said) else [],
        }
        for i, each in enumerate(said)
    }
    return as_json([{"title": "x", "current_node": f"m{len(said) - 1}", "mapping": mapping}])


@writes("claude")
def _claude(said: Dialogue) -> str:
    sender = {"sender": lambda e: "human" if e.index % 2 == 0 else "assistant"}
    return as_json([{"uuid": "1", "name": "x", "chat_messages": objects(said, **sender, text="text", created_at=iso)}])


@writes("google-chat")
def _google_chat(said: Dialogue) -> str:
    def date(each: Spoken) -> str:
        return f"{each.when:%A, %B} {each.when.day}, {each.when:%Y at %I:%M:%S %p} UTC"

    creator = {"creator": lambda e: {"name": e.speaker, "user_type": "Human"}}
    return as_json({"messages": objects(said, **creator, created_date=date, text="text")})


@writes("skype")
def _skype(said: Dialogue) -> str:
    constant = {"messagetype": lambda _: "RichText", "from": lambda e: f"8:{e.speaker}"}
    rows = objects(said, id=lambda e: str(e.index), originalarrivaltime=iso, **constant, content="text")
    return as_json({"conversations": [{"id": "8:x", "displayName": "x", "MessageList": rows[::-1]}]})


@writes("teams-chat")
def _teams_chat(said: Dialogue) -> str:
    constant = {"messageType": lambda _: "message", "from": lambda e: {"user": {"displayName": e.speaker}}}
    body = {"body": lambda e: {"contentType": "html", "content": f"<p>{e.text}</p>"}}
    return as_json({"value": objects(said, id=lambda e: str(e.index), createdDateTime=iso, **constant, **body)})


@writes("matrix")
def _matrix(said: Dialogue) -> str:
    sender = {"type": lambda _: "m.room.message", "sender": lambda e: f"@{e.speaker.lower()}:home.org"}
    content = {"content": lambda e: {"msgtype": "m.text", "body": e.text}}
    return as_json({"room_name": "x", "messages": objects(said, **sender, origin_server_ts=epoch_ms, **content)})
