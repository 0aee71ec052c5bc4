"""The look of a feedback page: light and dark, narrow and wide, screen and paper, without anything to load."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b1d1f; --paper: #fff; --soft: #f3f4f6; --line: #c9ced6;
  --full: #1d7a46; --part: #8a5a00; --none: #b3261e; --open: #4a5568; --link: #1a5fb4; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --paper: #14181e; --soft: #1f252d; --line: #454d58;
  --full: #6fd39b; --part: #f0bf62; --none: #ff9d94; --open: #b6bfca; --link: #8ab8f5; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; line-height: 1.3; margin: 0 0 .25rem; overflow-wrap: anywhere; }
a { color: var(--link); }
a:focus-visible, summary:focus-visible, pre:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
header > p:first-child { margin: 0; color: var(--open); }
.total { font-size: 1.15rem; }
table { width: 100%; border-collapse: collapse; margin: 1.5rem 0; }
caption { text-align: left; color: var(--open); padding-bottom: .25rem; }
th, td { text-align: left; padding: .5rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { color: var(--open); font-weight: 600; }
tbody th { font-weight: 400; overflow-wrap: anywhere; }
td:last-child, thead th:last-child { text-align: right; white-space: nowrap; }
section { border-left: .3rem solid var(--line); padding: .1rem 0 .1rem 1rem; margin: 1.75rem 0; }
section.full { border-color: var(--full); } section.part { border-color: var(--part); }
section.none { border-color: var(--none); } section.open { border-color: var(--open); }
.mark { margin: 0 0 .5rem; font-weight: 600; }
.full .mark, tr.full td { color: var(--full); } .part .mark, tr.part td { color: var(--part); }
.none .mark, tr.none td { color: var(--none); } .open .mark, tr.open td { color: var(--open); }
.words { white-space: pre-wrap; overflow-wrap: anywhere; margin: .5rem 0; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: .3rem; padding: .7rem .9rem;
  overflow-x: auto; font-size: .875rem; line-height: 1.45; margin: .6rem 0; max-height: 34rem; }
code { font-family: ui-monospace, Menlo, Consolas, monospace; }
summary { cursor: pointer; color: var(--link); padding: .3rem 0; }
.output p { margin: .4rem 0 0; color: var(--open); font-size: .9rem; }
footer { margin-top: 2.5rem; color: var(--open); font-size: .95rem; overflow-wrap: anywhere; }
@media print { :root { color-scheme: light; } pre { max-height: none; white-space: pre-wrap; }
  section { break-inside: avoid-page; } main { max-width: none; padding: 0; } }
"""
