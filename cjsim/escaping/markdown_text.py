r"""Text from files in Markdown pages: paragraphs, code spans, table cells and code blocks.

The functions follow CommonMark 0.31 and GitHub's tables. Text never becomes a heading, a list, a link, an image, HTML, emphasis or
a formula, and it never closes a table or a code block.

References
----------
CommonMark specification 0.31.2, sections 2.4 (backslash escapes), 4.5 (fenced code blocks) and 6.1 (code spans).
GitHub Flavored Markdown specification 0.29, section 4.10 (tables).
"""

import re

from cjsim.escaping.terminal_text import printable

# A backslash, an asterisk next to a word, the end of a link text, and characters that are special everywhere.
_SPECIAL_PATTERN = re.compile(r"\\(?=[!-/:-@\[-`{-~])|(?<=\S)\*|\*(?=\S)|\](?=[(\[:])|[`|~$]")
_UNDERSCORE_PATTERN = re.compile(r"(?<![^\W_])_|_(?![^\W_])")  # emphasis needs one at the edge of a word
_TAG_PATTERN = re.compile("<(?=[A-Za-z/!?])")
_ENTITY_PATTERN = re.compile(r"&(?=#|[A-Za-z])")
_BLOCK_START_PATTERN = re.compile(r"^(#(?=#{0,5}(?:\s|$))|[-+](?=[-\s]|$)|[=>:]|(\d{1,9})([.)])(?=\s|$))")
_NAME_PATTERN = re.compile(r"(`\w+`)")
_BACKTICKS_PATTERN = re.compile("`+")


def markdown_text(text: str) -> str:
    r"""Return text for a paragraph, a heading or a table cell, on one line.

    Examples
    --------
    >>> markdown_text("50 % off\n# <b>now</b> | `code` [link](x)")
    '50 % off # &lt;b>now&lt;/b> \\| \\`code\\` [link\\](x)'
    >>> markdown_text("email_1 costs 3 * 2"), markdown_text("1. first"), markdown_text("+1.5 %")
    ('email_1 costs 3 * 2', '1\\. first', '+1.5 %')
    """
    return _escaped_line(" ".join(printable(text).split()))


def _escaped_line(line: str) -> str:
    line = _SPECIAL_PATTERN.sub(lambda match: "\\" + match[0], line)
    line = _UNDERSCORE_PATTERN.sub(r"\\_", line)
    line = _TAG_PATTERN.sub("&lt;", _ENTITY_PATTERN.sub("&amp;", line))
    return _BLOCK_START_PATTERN.sub(lambda match: f"{match[2]}\\{match[3]}" if match[2] else "\\" + match[1], line)


def markdown_sentence(text: str) -> str:
    r"""Return one of cjsim's own sentences. Argument names in backticks stay code.

    Examples
    --------
    >>> markdown_sentence("no `value` is given for <b>")
    'no `value` is given for &lt;b>'
    """
    parts = _NAME_PATTERN.split(" ".join(printable(text).split()))
    return "".join(part if _NAME_PATTERN.fullmatch(part) else _escaped_line(part) for part in parts)


def markdown_code(text: str) -> str:
    r"""Return text as a code span on one line, which may be in a table cell.

    Examples
    --------
    >>> markdown_code("policy.flows"), markdown_code("a|b"), markdown_code("``x`")
    ('`policy.flows`', '`a\\|b`', '``` ``x` ```')
    """
    line = " ".join(printable(text).split()) or " "
    fence = "`" * (max(map(len, _BACKTICKS_PATTERN.findall(line)), default=0) + 1)
    pad = " " if line[0] == "`" or line[-1] == "`" else ""
    return f"{fence}{pad}{line}{pad}{fence}".replace("|", "\\|")


def markdown_block(text: str) -> str:
    r"""Return text as a fenced code block.

    Examples
    --------
    >>> markdown_block("a\nb")
    '```\na\nb\n```'
    """
    safe = printable(text)
    fence = "`" * max(3, max(map(len, _BACKTICKS_PATTERN.findall(safe)), default=0) + 1)
    return f"{fence}\n{safe}\n{fence}"
