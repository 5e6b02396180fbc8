"""Chats exported from messengers."""

from fliptrace.transcripts.chats import (
    chatgpt,
    discord,
    headed,
    imessage,
    irc,
    kakaotalk,
    line,
    messenger,
    slack,
    sms_xml,
    telegram,
    telegram_html,
    whatsapp,
    workplace,
    zoom_chat,
)
from fliptrace.transcripts.source import Reader

READERS: tuple[Reader, ...] = (
    whatsapp.READER,
    telegram.READER,
    telegram_html.READER,
    slack.READER,
    discord.READER,
    headed.READER,
    messenger.READER,
    imessage.READER,
    line.READER,
    kakaotalk.READER,
    sms_xml.READER,
    zoom_chat.READER,
    irc.READER,
    chatgpt.CHATGPT,
    chatgpt.CLAUDE,
    workplace.GOOGLE_CHAT,
    workplace.SKYPE,
    workplace.TEAMS,
    workplace.MATRIX,
)
