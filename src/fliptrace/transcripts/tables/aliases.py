"""The names of columns in tables and lists: of each role, and of columns that help to choose the others.

Case, blanks and punctuation are ignored, and so is a unit at the end (start_ms, "Start (s)").
"""

from __future__ import annotations

from collections.abc import Mapping

# If a file has several aliases of a role, the first one here is used.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "speaker": (
        *("speaker", "speaker_name", "speaker_label", "speaker_id", "speakers", "name", "who", "from", "role"),
        *("author", "participant", "agent", "sender", "user", "character", "person", "caller", "author_name"),
        *("sender_name", "participant_name", "display_name", "user_name", "author_id", "sender_id", "user_id"),
        *("participant_id", "from_name", "nick", "actor", "agent_name", "party", "spk", "full_name", "first_name"),
        *("last_name", "surname", "given_name", "family_name", "vorname", "nachname", "sprecher", "sprecherin"),
        *("absender", "locuteur", "interlocuteur", "intervenant", "prénom", "hablante", "orador", "falante"),
        *("interlocutor", "parlante", "oratore", "spreker", "mówca", "говорящий", "спикер", "वक्ता", "发言人", "说话人"),
        *("話者", "화자"),
    ),
    "text": (
        *("text", "utterance", "message", "content", "transcript", "transcription", "sentence", "body", "words"),
        *("speech", "caption", "dialogue", "dialog", "value", "line", "message_body", "message_text"),
        *("message_content", "utterance_text", "transcript_text", "chat_message", "text_body", "body_text"),
        *("subtitle", "spoken", "statement", "comment", "reply", "chat", "msg", "response", "nachricht", "äußerung"),
        *("mensaje", "texto", "texte", "propos", "réplique", "mensagem", "testo", "messaggio", "tekst", "bericht"),
        *("текст", "реплика", "сообщение", "पाठ", "संदेश", "内容", "文本", "テキスト", "내용"),
    ),
    "emotion": ("emotion", "emotion_label", "emotions", "feeling", "mood"),
    "start": (
        *("start", "start_time", "start_seconds", "start_ms", "begin", "begin_time", "time", "timestamp"),
        *("time_start", "onset", "offset", "created_at", "datetime", "date_time", "sent_at", "sent", "created"),
        *("message_time", "message_date", "time_sent", "date_sent", "posted_at", "created_time", "created_on"),
        *("start_offset", "begin_offset", "offset_start", "in", "start_timestamp", "timecode", "ts", "date"),
        *("beginn", "anfang", "startzeit", "zeit", "uhrzeit", "zeitstempel", "zeitpunkt", "début", "horodatage"),
        *("heure", "temps", "inicio", "início", "hora", "tiempo", "tempo", "marca_de_tiempo", "inizio", "orario"),
        *("starttijd", "tijd", "tijdstip", "czas", "начало", "время", "समय", "时间", "時間", "시간"),
    ),
    "end": (
        *("end", "end_time", "end_seconds", "end_ms", "stop", "stop_time", "time_end", "end_offset", "offset_end"),
        *("out", "end_timestamp", "ende", "endzeit", "fin", "hora_fin", "fim", "fine", "eindtijd", "koniec", "конец"),
    ),
    "dialogue": (
        *("dialogue_id", "dialog_id", "conversation_id", "call_id", "session_id", "thread_id", "meeting_id"),
        *("ticket_id", "conversation", "dialogue", "dialog", "ticket", "ticket_number", "case_id", "case_number"),
        *("chat_id", "thread", "conv_id", "convo_id", "contact_id", "interaction_id", "scene_id", "conversation_no"),
        *("conversation_number", "dialogue_number", "dialogue_no", "chat_session", "session", "call", "root"),
        *("room_id", "channel_id", "recording_id", "transcript_id", "file_name", "filename", "swda_name"),
    ),
}

# Columns that may tell who speaks although they are not named for a speaker; they count if they alternate. So do those
# whose names end in channel, side or leg (`is_flag`).
FLAGS = (
    *("role", "from_role", "speaker_role", "sender_role", "author_role", "user_role", "participant_role", "caller"),
    *("sender_type", "author_type", "user_type", "speaker_type", "participant_type", "from_type", "party", "purpose"),
    *("participant_purpose", "direction", "message_direction", "inbound", "is_inbound", "outbound", "is_outbound"),
    *("incoming", "outgoing", "is_incoming", "is_outgoing", "from_customer", "is_customer", "from_agent", "is_agent"),
    *("is_from_me", "from_me", "is_bot", "is_user", "from_user", "channel", "channel_id", "channel_tag"),
    *("channel_label", "audio_channel", "kanal", "canal", "rolle", "rol", "channel_number", "leg", "side", "track"),
    *("speaker_tag", "spoken_by", "said_by", "sent_by", "created_by", "author_id", "message_type", "type", "source"),
    *("direction_type",),
)
# The speakers that yes and no stand for, by the name of the flag.
YES_NO = {
    **dict.fromkeys(("inbound", "isinbound", "incoming", "isincoming"), ("customer", "agent")),
    **dict.fromkeys(("fromcustomer", "iscustomer"), ("customer", "agent")),
    **dict.fromkeys(("outbound", "isoutbound", "outgoing", "isoutgoing"), ("agent", "customer")),
    **dict.fromkeys(("fromagent", "isagent"), ("agent", "customer")),
    **dict.fromkeys(("isfromme", "fromme"), ("me", "other")),
    **{"isbot": ("bot", "user"), "isuser": ("user", "bot"), "fromuser": ("user", "bot")},
}
YES, NO = frozenset(("true", "1", "yes", "y", "t", "1.0")), frozenset(("false", "0", "no", "n", "f", "0.0"))

# Columns with these names may hold the same person in all rows, whoever speaks.
ABOUT_A_PERSON = frozenset(
    (
        *("agent", "agentname", "user", "username", "userid", "name", "person", "participant", "participantname"),
        *("participantid",),
    )
)
# Columns that name people in the form with one column per speaker.
PARTIES = frozenset(
    (
        *("agent", "customer", "client", "caller", "callee", "user", "assistant", "bot", "human", "system", "ai"),
        *("interviewer", "interviewee", "patient", "doctor", "therapist", "clinician", "counselor", "counsellor"),
        *("teacher", "student", "host", "guest", "operator", "rep", "representative", "advisor", "question"),
        *("answer", "prompt", "response", "reply", "speaker1", "speaker2", "speakera", "speakerb", "usera", "userb"),
        *("person1", "person2", "persona", "personb", "left", "right", "buyer", "seller", "visitor", "q", "a"),
        *("model", "gpt", "instruction", "output", "request", "employee", "nurse", "dispatcher"),
    )
)
# Words beside the party in such names: "customer_message".
ABOUT_WORDS = frozenset(
    ("text", "message", "messages", "utterance", "utterances", "says", "said", "turn", "line", "transcript")
)
# Columns that are never taken for a speaker or a text by their content alone.
OTHER = frozenset(
    (
        *("sentiment", "act", "acttag", "damsl", "intent", "topic", "label", "labels", "tag", "tags", "category"),
        *("language", "lang", "season", "episode", "confidence", "score", "status", "priority", "subject", "title"),
        *("summary", "notes", "pos", "trees", "url", "link", "translation", "reasoning", "explanation", "file"),
        *("emotion", "sentimentlabel", "date", "day", "id", "annotator", "split", "note", "gender", "reactions"),
    )
)
# Names that only a column with the text of all speakers has.
STRONG_TEXT = frozenset(("text", "utterance", "message", "transcript", "content", "body", "sentence", "messagebody"))

# Numbers that put rows in order, ids of rows and of the rows they answer, and days.
ORDER = (
    *("utterance_index", "utterance_id", "turn_index", "turn_id", "turn", "index", "seq", "sequence", "order"),
    *("sr_no", "message_index", "message_number", "line_number", "position", "utterance_number", "turn_number"),
    *("idx", "no"),
)
REPLY = (
    *("in_response_to_tweet_id", "in_reply_to_tweet_id", "in_reply_to_status_id", "reply_to", "in_reply_to"),
    *("parent_id", "reply_to_id", "in_reply_to_id", "replying_to"),
)
IDS = ("tweet_id", "id", "message_id", "utterance_id", "utt_id", "status_id", "post_id", "comment_id")
DATES = ("date", "day", "call_date", "datum", "message_date", "fecha")
