"""What messengers write in place of a message: omitted media, deleted messages, calls, locations, contacts.

Exports are written in the language of the phone. Most languages need no entry, because a text that consists of one
pair of angle brackets is a placeholder in all of them; the lists are for the rest.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Placeholder(NamedTuple):
    """A placeholder: why it is left out (a plural noun), its text, and the caption that remains of the message."""

    why: str
    text: str
    rest: str = ""


_MARK = "\u200e"

_MEDIA = """
    image images photo picture video audio sticker gif document media file files voice contact card note message album
    once view bild dokument kontaktkarte medien datei videonachricht sprachnachricht foto imagen vídeo documento tarjeta
    contacto multimedia archivo nota vidéo médias fichier carte imagem áudio figurinha mídia arquivo cartão immagine
    contatto scheda afbeelding bestand contactkaart изображение видео аудио стикер документ медиа фото файл
    görüntü resim ses çıkartma belge medya obraz wideo naklejka naklejkę plik pliki multimediów billede bilde lyd ljud
    kuva ääni tarra gambar stiker dokumen تصویر صورة فيديو الصورة ملصق תמונה סרטון סטיקר मीडिया फ़ोटो वीडियो
"""
_LEFT_OUT = """
    omitted weggelassen ausgelassen ausgeschlossen entfernt omitida omitido omitidos omitidas ocultada ocultado oculta
    oculto absent absente absents omis omise retiré retirée manquant manquante omessa omesso omessi esclusa escluso
    incluso weggelaten опущено опущен отсутствует пропущено пропущен edilmedi pominięto pominięty pominięta udeladt
    utelatt utelämnad utelämnat utesluten jätetty dihilangkan disertakan disisipkan vynecháno vynechán kihagyva omisă
    παραλείφθηκε محذوف محذوفة הושמטה הושמט छोड़ा
"""
_MEDIA_NOUNS, _OMITTED = frozenset(_MEDIA.split()), frozenset(_LEFT_OUT.split())
_CJK_OMITTED = re.compile(
    r"(?:图片|圖片|影像|视频|影片|音频|音訊|语音|贴图|貼圖|文件|文档|画像|動画|音声|スタンプ|文書"
    r"|사진|이미지|동영상|오디오|스티커|문서|파일).{0,8}(?:略|忽略|省略|생략|제외).{0,4}"
)

_DELETED = re.compile(
    r"""\W{0,3}(?:
    this\ message\ was\ (?:deleted|unsent)(?:\ by\ admin\ .{1,60})? | you\ deleted\ (?:this|a)\ message(?:\ as\ admin)?
    | (?:diese|die)\ nachricht\ wurde\ (?:von\ .{1,60}\ )?gelöscht | du\ hast\ diese\ nachricht\ gelöscht
    | (?:se\ )?elimin(?:ó|aste)\ este\ mensaje | este\ mensaje\ fue\ eliminado | eliminaste\ este\ mensaje
    | mensaje\ eliminado | (?:ce\ message\ a\ été|vous\ avez)\ supprimé(?:\ ce\ message)? | message\ supprimé
    | (?:esta|essa)\ mensagem\ foi\ (?:apagada|eliminada|excluída) | mensagem\ apagada
    | (?:você\ apagou|apagou|eliminou)\ esta\ mensagem
    | (?:questo\ messaggio\ è\ stato\ eliminato|hai\ eliminato\ questo\ messaggio|messaggio\ eliminato)
    | (?:dit\ bericht\ (?:is|werd)\ verwijderd|u\ hebt\ dit\ bericht\ verwijderd|je\ hebt\ dit\ bericht\ verwijderd)
    | (?:данное\ |это\ )?сообщение\ (?:было\ )?удалено | вы\ удалили\ (?:данное|это)\ сообщение
    | bu\ mesaj\ silindi | bu\ mesajı\ sildiniz | (?:usunięto\ tę\ wiadomość|ta\ wiadomość\ została\ usunięta)
    | det(?:ta|te)\ meddelande(?:t)?\ (?:togs\ bort|raderades) | denne\ (?:besked|meldingen)\ .{1,20}slettet
    | pesan\ ini\ (?:telah\ )?dihapus | anda\ (?:telah\ )?menghapus\ pesan\ ini | tämä\ viesti\ poistettiin
    | تم\ حذف\ هذه\ الرسالة | لقد\ حذفت\ هذه\ الرسالة | ההודעה\ (?:הזו\ )?נמחקה | הודעה\ זו\ נמחקה | מחקת\ הודעה\ זו
    | यह\ संदेश\ (?:हटाया\ गया|मिटाया\ गया|हटा\ दिया\ गया)(?:\ (?:था|है))? | आपने\ यह\ संदेश\ (?:हटाया|मिटाया)
    | (?:此|该|這則|您已刪除這則|你删除了这条)(?:消息|訊息)?(?:已|被).{0,6}(?:删除|刪除)
    | このメッセージは削除されました | メッセージを削除しました | 삭제된\ 메시지입니다 | 이\ 메시지는\ 삭제되었습니다
    )\W{0,3}""",
    re.VERBOSE | re.IGNORECASE,
)
_LENGTH = r"(?:[.,:]\s.{0,60}|\sat\s\d.{0,20})?"
_CALL = re.compile(
    rf"(?:(?:missed |silenced )?(?:group )?(?:voice|video) call"
    rf"|(?:verpasster |stummgeschalteter )?(?:sprach|video|gruppen)anruf"
    rf"|(?:video)?llamada(?: de voz| de video| de grupo| grupal)?(?: perdida)?|appel (?:vocal|vidéo)(?: manqué)?"
    rf"|(?:chamada|ligação) de (?:voz|vídeo)(?: perdida)?|(?:video)?chiamata(?: vocale)? (?:persa|senza risposta)"
    rf"|gemiste (?:spraak|video)?oproep|(?:пропущенный )?(?:аудио|видео)звонок){_LENGTH}",
    re.IGNORECASE,
)
_SYSTEM = re.compile(
    r"""(?:
    messages\ and\ calls\ are\ end-to-end\ encrypted\b.* | messages\ you\ send\ to\ this\ (?:chat|group).*encrypt.*
    | messages\ to\ this\ (?:chat|group)\ and\ calls\ are\ now\ secured.*
    | your\ security\ code\ with\ .{1,80}\ changed\b.*
    | nachrichten\ und\ anrufe\ sind\ ende-zu-ende-verschlüsselt\b.*
    | los\ mensajes\ y\ las\ llamadas\ están\ cifrados\b.* | les\ messages\ et\ les\ appels\ sont\ chiffrés\b.*
    | as\ mensagens\ e\ (?:as\ )?(?:ligações|chamadas)\ (?:são|estão)\b.*criptografia.*
    | i\ messaggi\ e\ le\ chiamate\ sono\ crittografati\b.*
    | berichten\ en\ (?:gesprekken|oproepen)\ zijn\ end-to-end\b.*
    | waiting\ for\ this\ message\.?(?:\ this\ may\ take\ a\ while\.?)? | this\ message\ couldn't\ load.*
    | this\ business\ (?:is\ now|uses|works\ with)\b.{1,200} | disappearing\ messages\ were\ turned\ (?:on|off).*
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_EDITED = re.compile(
    r"[\u200e\s]*<[^<>]{0,40}(?:edited|bearbeitet|edit[óoa]|edita[dn]|editado|modifi[éec]|bewerkt|измен|отредакт|düzenlen"
    r"|diedit|編集|编辑|編輯|수정|संपादित|تعديل|נערכ|edytowa|redig|muokat|uprav|szerkeszt|επεξεργ)[^<>]{0,40}>\s*$",
    re.IGNORECASE,
)
_ATTACHED_IOS = re.compile(r"[\u200e\s]*<[^<>:\n]{1,30}\s?:\s?[^<>\n]{1,200}\.\w{2,5}>")
_ATTACHED_ANDROID = re.compile(r"[\u200e\s]*[^\s()<>:][^()<>:\n]{0,200}\.\w{2,5}\s\([^()\n]{3,40}\)(?:\n|$)")
_LOCATION = re.compile(
    r"(?:\S{1,20}(?:\s\S{1,20})?\s?:\s?https?://(?:maps\.google\.\w{2,3}|maps\.apple\.com)/\S{0,300}"
    r"|[^\n]{1,200}:\s?https?://foursquare\.com/v/\S{0,300}"
    r"|live location shared|live-standort (?:wird )?geteilt|ubicación en tiempo real compartida)",
    re.IGNORECASE,
)
_POLL = re.compile(r"(?:POLL|UMFRAGE|ENCUESTA|SONDAGE|ENQUETE|SONDAGGIO|PEILING|ОПРОС)\s?:\s*\n")
_FILE = re.compile(r"\S[^\n•]{0,200}\.\w{2,5}\s?•[^\n]{1,40}|\S{1,200}\.\w{2,5}")
_BRACKETED = re.compile(r"<[^<>\n]{3,80}>")


def placeholder_of(text: str, *, is_generated: bool = False) -> Placeholder | None:
    """The placeholder that a message consists of or begins with; None if people wrote it.

    `is_generated`: the messenger marked the text as its own.

    >>> placeholder_of("<Medien ausgeschlossen>").why, placeholder_of("I <3 cake")
    ('media', None)
    >>> placeholder_of("IMG-1.jpg (file attached)\\nMy cake")
    Placeholder(why='media', text='IMG-1.jpg (file attached)', rest='My cake')
    """
    plain = _unmarked(text)
    attached = _ATTACHED_ANDROID.match(text) or _ATTACHED_IOS.match(text)
    if attached is not None:
        return Placeholder("media", _unmarked(attached[0]), _unmarked(text[attached.end() :]))
    trailing = _trailing_media(text)
    if trailing is not None:
        return trailing
    first, newline, caption = text.partition("\n")
    if newline and _BRACKETED.fullmatch(_unmarked(first)):
        media = placeholder_of(first)
        return None if media is None else Placeholder(media.why, media.text, _unmarked(caption))
    if len(plain) > 400:
        return None
    for why, pattern in _WHOLE:
        if pattern.fullmatch(plain):
            return Placeholder(why, plain)
    if _is_omitted(plain):
        return Placeholder("media", plain)
    if _BRACKETED.fullmatch(plain) and (not plain.isascii() or _words(plain) & (_MEDIA_NOUNS | _OMITTED)):
        return Placeholder("media", plain)
    if plain == "null":
        return Placeholder("messages without content", plain)
    if _POLL.match(plain):
        return Placeholder("polls", plain)
    return Placeholder("system messages", plain) if is_generated and plain else None


_WHOLE = (
    ("deleted messages", _DELETED),
    ("calls", _CALL),
    ("locations", _LOCATION),
    ("system messages", _SYSTEM),
)


def without_marks(text: str) -> tuple[str, bool]:
    """The text without the mark that it was edited, and whether it had one.

    >>> without_marks("I am late <This message was edited>")
    ('I am late', True)
    """
    found = _EDITED.search(text, max(0, len(text) - 120)) if text.rstrip().endswith(">") else None
    if found is None or not text[: found.start()].strip():
        return text, False
    return text[: found.start()], True


def _trailing_media(text: str) -> Placeholder | None:
    """A caption, or the name of a document, before the mark of its picture: `My cake \u200eimage omitted`."""
    head, mark, tail = text.rpartition(_MARK)
    tail = tail.strip()
    if not mark or not head.strip(_MARK + " \n") or len(tail) > 200:
        return None
    if _is_omitted(tail) or _ATTACHED_IOS.fullmatch(tail):
        caption = _unmarked(head)
        is_file = _FILE.fullmatch(caption)  # the name of a document, and how many pages it has
        return Placeholder("media", _unmarked(text), "") if is_file else Placeholder("media", tail, caption)
    return None


def _unmarked(text: str) -> str:
    return text.replace(_MARK, "").strip()


def _is_omitted(text: str) -> bool:
    """Whether a text is a noun for media and a word for "omitted", such as "Bild weggelassen"."""
    if len(text) <= 20 and _CJK_OMITTED.fullmatch(text.strip("<>[]")):
        return True
    if len(text) > 80 or text[-1:] in ".!?":
        return False
    words = _words(text)
    return len(words) <= 6 and not words.isdisjoint(_MEDIA_NOUNS) and not words.isdisjoint(_OMITTED)


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\W\d_][\w'-]*", text[:80].casefold()))
