"""Texts that anybody may have written anywhere: into a name, an id, an argument, an error, a hostname.

Whatever of them ran would set ``window.hostile``, and whatever became an element has ``data-hostile``.
"""

MARK = "data-hostile"
RUN = "window.hostile=1"
CORPUS = (
    # elements
    f"<script {MARK}>{RUN}</script>",
    f"<ScRiPt {MARK}>{RUN}</sCrIpT >",
    f"<img {MARK} src=x onerror={RUN}>",
    f"<svg {MARK} onload={RUN}>",
    f"<svg {MARK}><animate onbegin={RUN} attributeName=x></svg>",
    f"<iframe {MARK} srcdoc='<script>parent.{RUN}</script>'>",
    f"<details {MARK} open ontoggle={RUN}>",
    f"<math {MARK}><mtext><style><img src=x onerror={RUN}></style></mtext></math>",
    f"<form {MARK} action=javascript:{RUN}><button autofocus>",
    f"<input {MARK} autofocus onfocus={RUN}>",
    f"<video {MARK}><source onerror={RUN}></video>",
    f"<object {MARK} data=javascript:{RUN}>",
    f"<embed {MARK} src=javascript:{RUN}>",
    f"<a {MARK} href=javascript:{RUN}>here</a>",
    f"<base {MARK} href=//example.invalid/>",
    f"<meta {MARK} http-equiv=refresh content='0;url=//example.invalid/'>",
    f"<link {MARK} rel=stylesheet href=//example.invalid/x.css>",
    f"<style {MARK}>*{{display:none}}</style>",
    f"<template {MARK}><script>{RUN}</script></template>",
    f"<!--><img {MARK} src=x onerror={RUN}>-->",
    f"<![CDATA[<b {MARK}>]]>",
    f"<?xml <b {MARK}> ?>",
    # the ends of what they may stand in
    f"</script><b {MARK}>",
    f"</style><b {MARK}>",
    f"</title></textarea></pre></template></noscript><b {MARK}>",
    f"</td></tr></table></div></dialog></main></body></html><b {MARK}>",
    f'" {MARK} onmouseover={RUN} x="',
    f"' {MARK} onfocus={RUN} tabindex=0 x='",
    f"` {MARK} x=`",
    f"><b {MARK}>",
    f"\"'><b {MARK}>",
    f"\n\r<b {MARK}>\n",
    # entities, twice encoded, other writings
    f"&lt;b {MARK}&gt;",
    f"&amp;lt;b {MARK}&amp;gt;",
    f"&#60;b {MARK}&#62;",
    f"%3Cb {MARK}%3E",
    f"\\u003cb {MARK}\\u003e",
    f"\uff1cb {MARK}\uff1e",
    # addresses
    f"javascript:{RUN}",
    f"JaVaScRiPt&colon;{RUN}",
    f"data:text/html,<script>{RUN}</script>",
    "//example.invalid/",
    "../../../../etc/passwd",
    "http://user:pa55word@example.invalid/",
    # templates and formats
    "{{ 7|add:7 }}{% now 'Y' %}",
    "{% comment %}",
    "${7*7} #{7*7} <%= 7*7 %>",
    "%s %(name)s %n {0} {name!r}",
    # SQL and shells
    "' OR '1'='1' --",
    '"; DROP TABLE celery_ops_taskrunrecord; --',
    "$(id) `id` | id",
    # what does not show
    "\u202eelbisivni\u202c \u200b\u2066",
    "\x1b[2J\x1b[31m \x07 \x08",
    "a\x00b",
    "=1+1",
    "@SUM(A1)",
    # lone halves, and long
    "\ud800 \udfff",
    "\u0430dmin \u212a",
    "x" * 3000,
    "\u1f468\u200d" * 50,
)
