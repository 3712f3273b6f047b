"""A whole HTML document around a fragment: readable on any screen and on paper, and nothing in it reaches out."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from string import Template

from .text import xml

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="$policy">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>$title</title>
<style>
body { margin: 0 auto; max-width: 1500px; padding: 12px; background: #ffffff; color: #1b1f23; }
main { max-width: 72rem; margin: 0 auto; padding: .5rem; font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .5rem 0 1rem; overflow-wrap: anywhere; }
main.whole { max-width: none; padding: 0; }
main.whole h1 { position: absolute; width: 1px; height: 1px; margin: 0; overflow: hidden; clip-path: inset(50%); }
@media screen and (prefers-color-scheme: dark) { body { background: #14191d; color: #e3e8ec; } }
@media print { body, main { max-width: none; padding: 0; } body .tracegrad-table td { white-space: normal; } }
</style>$sheet
</head>
<body class="tracegrad-page">
$body
</body>
</html>
""")


def document(title: str, body: str, paper: str = "") -> str:
    """A whole HTML page around fragments of this package, with a policy that fits it.

    Args:
        title: plain text.
        body: trusted HTML; its own inline scripts and styles are allowed to work, and nothing else is.
        paper: ``"A4"`` or ``"letter"``: what it is printed on; by default what the printer has.
    """
    sheet = f"\n<style>@page {{ size: {paper}; margin: 18mm; }}</style>" if paper else ""
    whole = _PAGE.substitute(title=xml(title), body=body, sheet=sheet, policy="$policy")
    return whole.replace("$policy", content_security_policy(whole), 1)


def content_security_policy(page: str) -> str:
    """The strictest Content-Security-Policy under which the inline scripts and styles of a page work.

    No request leaves the page, and only the scripts that are in it now run: each is allowed by its SHA-256. So is each
    style sheet, unless elements have ``style`` attributes, which hashes cannot allow.
    """

    def hashes(tag: str) -> str:
        found = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digests = [base64.b64encode(hashlib.sha256(each.encode("utf-8")).digest()).decode("ascii") for each in found]
        return " ".join(f"'sha256-{digest}'" for digest in dict.fromkeys(digests)) or "'none'"

    styles = "'unsafe-inline'" if re.search(r"<[^>]* style=", page) else hashes("style")
    return (
        f"default-src 'none'; script-src {hashes('script')}; style-src {styles}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def script_json(data: object) -> str:
    """JSON that may be put inside ``<script>``: ASCII only, with no ``<``, ``>`` or ``&`` in it.

    Raises:
        ValueError: a float in it is nan or infinite, which JSON does not have.
    """
    plain = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return plain.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
