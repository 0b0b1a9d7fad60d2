"""How the status page looks and refreshes itself; one file each way, nothing is loaded. Pure."""

from __future__ import annotations

import base64
import hashlib

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f4f5f8; --card: #ffffff; --line: #e4e6ec; --dot: #c9cdd7;
  --text: #12151c; --soft: #5a6172;
  --good: #12823b; --warn: #b45309; --bad: #d0202f; --wait: #2457d6; --idle: #626a7b;
  --shade: 0 1px 2px rgb(18 21 28 / 5%), 0 8px 24px -12px rgb(18 21 28 / 12%);
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0b0d12; --card: #13161d; --line: #232833; --dot: #3d4453;
    --text: #eef0f5; --soft: #98a1b3;
    --good: #3ddc84; --warn: #f7b955; --bad: #ff6369; --wait: #7aa5ff; --idle: #98a1b3;
    --shade: 0 1px 0 rgb(255 255 255 / 3%) inset;
  }
}
* { box-sizing: border-box; margin: 0; }
body {
  background: var(--page); color: var(--text); -webkit-text-size-adjust: 100%;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums;
}
main { max-width: 1080px; margin: 0 auto; padding: 20px 24px 40px; }
main[data-tone=good] { --tone: var(--good); } main[data-tone=warn] { --tone: var(--warn); }
main[data-tone=bad] { --tone: var(--bad); } main[data-tone=wait] { --tone: var(--wait); }
main[data-tone=idle] { --tone: var(--idle); }
a { color: inherit; text-underline-offset: 3px; text-decoration-color: var(--line); }
a:hover { text-decoration-color: currentcolor; }
a:focus-visible, summary:focus-visible {
  outline: 2px solid var(--wait); outline-offset: 3px; border-radius: 4px;
}
code { font: .92em/1.4 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
.soft { color: var(--soft); }
.top { display: flex; align-items: center; gap: 10px; padding: 4px 0 18px; }
.top svg { width: 26px; height: 26px; color: var(--tone); flex: none; }
.brand { font-weight: 650; letter-spacing: -.01em; }
.top .who { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.top .when { margin-left: auto; display: flex; align-items: center; gap: 8px; font-size: 13px;
  white-space: nowrap; }
.top .when i { width: 8px; height: 8px; border-radius: 50%; background: var(--good);
  animation: breathe 2.5s ease-in-out infinite; }
.top .when.old i { background: var(--bad); animation: none; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 16px;
  box-shadow: var(--shade); }
.hero { display: flex; align-items: center; gap: 26px; padding: 34px 36px; position: relative;
  overflow: hidden;
  border-color: color-mix(in srgb, var(--tone) 30%, var(--line));
  background: radial-gradient(120% 180% at 0% 0%,
    color-mix(in srgb, var(--tone) 14%, var(--card)), var(--card) 60%); }
.orb { flex: none; width: 84px; height: 84px; border-radius: 50%; display: grid;
  place-items: center; color: var(--tone);
  background: color-mix(in srgb, var(--tone) 15%, transparent);
  box-shadow: 0 0 0 9px color-mix(in srgb, var(--tone) 7%, transparent); }
.orb svg { width: 40px; height: 40px; }
.hero h1 { font-size: clamp(30px, 5vw, 44px); line-height: 1.1; letter-spacing: -.025em;
  font-weight: 700; }
.hero .meaning { font-size: 17px; margin-top: 6px; max-width: 60ch; }
.hero .since { margin-top: 8px; color: var(--soft); display: flex; flex-wrap: wrap; gap: 4px 10px;
  align-items: center; }
.tag { display: inline-block; padding: 1px 9px; border-radius: 99px; font-size: 13px;
  border: 1px solid color-mix(in srgb, var(--tone) 35%, transparent); color: var(--tone);
  overflow-wrap: anywhere; }
.advice { margin-top: 14px; padding: 16px 20px; display: flex; gap: 14px;
  border-left: 4px solid var(--tone); }
.advice b { display: block; font-size: 13px; color: var(--tone); }
.advice code { padding: 1px 5px; border-radius: 5px;
  background: color-mix(in srgb, var(--text) 8%, transparent); }
.advice p { overflow-wrap: anywhere; white-space: pre-line; }
.cards { display: grid; grid-template-columns: repeat(4, 1fr); gap: 14px; margin-top: 14px; }
.cards .card { padding: 18px 20px; min-width: 0; }
h2 { font-size: 13px; font-weight: 600; color: var(--soft); }
.value { font-size: 27px; font-weight: 650; letter-spacing: -.02em; line-height: 1.25;
  margin-top: 4px; }
.value small { font-size: 15px; font-weight: 500; color: var(--soft); letter-spacing: 0; }
.note { font-size: 13px; color: var(--soft); margin-top: 3px; overflow-wrap: anywhere; }
.is-bad { color: var(--bad); } .is-warn { color: var(--warn); } .is-good { color: var(--good); }
.pips { display: inline-flex; gap: 4px; margin-left: 10px; vertical-align: 4px; }
.pips i { width: 15px; height: 7px; border-radius: 4px; background: var(--dot); opacity: .7; }
.pips i.spent { background: var(--warn); opacity: 1; }
.pips.full i.spent { background: var(--bad); }
.columns { display: grid; grid-template-columns: minmax(0, 1.55fr) minmax(0, 1fr); gap: 14px;
  margin-top: 14px; align-items: start; }
.columns.single { grid-template-columns: minmax(0, 1fr); }
.columns > div { display: grid; gap: 14px; min-width: 0; }
.panel { padding: 18px 20px; min-width: 0; }
.panel > header { display: flex; align-items: baseline; gap: 10px; margin-bottom: 10px; }
.panel > header h2 { color: var(--text); font-size: 16px; letter-spacing: -.01em; }
.panel > header span { margin-left: auto; font-size: 13px; color: var(--soft); }
.scroll { overflow-x: auto; margin: 0 -20px; padding: 0 20px; }
table { width: 100%; border-collapse: collapse; font-size: 14px; }
th, td { text-align: right; padding: 7px 0 7px 14px; white-space: nowrap;
  border-top: 1px solid var(--line); }
thead th { font-weight: 500; font-size: 12.5px; color: var(--soft); border-top: 0;
  padding-top: 0; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
tbody th { font-weight: 500; max-width: 260px; overflow: hidden; text-overflow: ellipsis; }
td.zero { color: var(--soft); opacity: .65; }
details summary { cursor: pointer; font-size: 13px; color: var(--soft); padding-top: 10px; }
dl { display: grid; grid-template-columns: auto 1fr; font-size: 14px; }
dt, dd { padding: 6px 0; border-top: 1px solid var(--line); }
dt:first-of-type, dt:first-of-type + dd { border-top: 0; padding-top: 0; }
dt { color: var(--soft); padding-right: 16px; }
dd { text-align: right; overflow-wrap: anywhere; }
.incident-title { font-weight: 600; overflow-wrap: anywhere; }
.steps { list-style: none; padding: 0; margin-top: 12px; font-size: 14px; }
.steps li { padding: 0 0 10px 22px; position: relative; overflow-wrap: anywhere; }
.steps li::before { content: ""; position: absolute; left: 3px; top: 7px; width: 8px; height: 8px;
  border-radius: 50%; background: var(--dot); box-shadow: 0 0 0 3px var(--card); z-index: 1; }
.steps li:not(:last-child)::after { content: ""; position: absolute; left: 6.5px; top: 10px;
  bottom: -7px; width: 1px; background: var(--line); }
.steps li.seen::before { background: var(--bad); }
.steps li.done::before { background: var(--good); }
.steps time, .steps .soft { font-size: 13px; }
.warnings { list-style: none; padding: 0; font-size: 14px; }
.warnings li { padding: 6px 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
.warnings li:first-child { border-top: 0; padding-top: 0; }
.warnings li::before { content: ""; display: inline-block; width: 8px; height: 8px;
  margin-right: 10px; border-radius: 50%; background: var(--warn); }
.empty { color: var(--soft); font-size: 14px; }
.foot { margin-top: 26px; display: flex; flex-wrap: wrap; gap: 6px 18px; font-size: 13px;
  color: var(--soft); }
.foot nav { display: flex; gap: 14px; margin-left: auto; }
.lost { display: none; position: sticky; top: 0; z-index: 2; padding: 10px 20px; color: #fff;
  background: #b3261e; text-align: center; font-weight: 550; }
.is-lost .lost { display: block; }
.is-lost main { opacity: .45; filter: saturate(.3); }
@keyframes breathe { 50% { opacity: .35; } }
@media (max-width: 760px) {
  main { padding: 14px 14px 32px; }
  .hero { padding: 24px 20px; gap: 18px; }
  .orb { width: 58px; height: 58px; box-shadow: 0 0 0 6px color-mix(in srgb, var(--tone) 7%,
    transparent); }
  .orb svg { width: 28px; height: 28px; }
  .hero .meaning { font-size: 15px; }
  .cards { grid-template-columns: repeat(2, 1fr); gap: 10px; }
  .cards .card { padding: 14px; }
  .value { font-size: 22px; }
  .pips { display: flex; margin: 6px 0 4px; }
  .columns { grid-template-columns: minmax(0, 1fr); }
  .cards > :nth-child(odd):last-child { grid-column: 1 / -1; }
  .foot nav { margin-left: 0; }
}
@media (max-width: 560px) {
  tr > :nth-child(5), tr > :nth-child(6) { display: none; }
}
@media (prefers-reduced-motion: reduce) { .top .when i { animation: none; } }
"""

# Without it the page reloads itself whole; with it, it also says when nobody answers any more.
SCRIPT = """
(() => {
  const page = document.documentElement;
  let asking = false;
  async function refresh() {
    if (asking || document.hidden) return;
    asking = true;
    try {
      const limit = AbortSignal.timeout(4000);
      const answer = await fetch(location.pathname, { cache: "no-store", signal: limit });
      if (!answer.ok) throw new Error(answer.status);
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      const shown = document.querySelector("main"), fresh = next.querySelector("main");
      for (const open of shown.querySelectorAll("details[open][id]")) {
        const same = fresh.querySelector("#" + open.id);
        if (same) same.open = true;
      }
      const scrolled = shown.querySelector(".scroll")?.scrollLeft ?? 0;
      shown.replaceWith(fresh);
      const table = fresh.querySelector(".scroll");
      if (table) table.scrollLeft = scrolled;
      const icon = next.querySelector("link[rel=icon]");
      document.querySelector("link[rel=icon]").replaceWith(icon);
      document.title = next.title;
      page.classList.remove("is-lost");
    } catch {
      page.classList.add("is-lost");
    } finally {
      asking = false;
    }
  }
  setInterval(refresh, 5000);
  document.addEventListener("visibilitychange", refresh);
})();
"""

COLOURS = {  # of the icon in the browser's tab
    "good": "#22a559", "warn": "#e08e1b", "bad": "#e5484d", "wait": "#4c7dff", "idle": "#7d8596",
}  # fmt: skip


def source_of(text: str) -> str:
    """Answer what a content security policy calls an inline *text*."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


# Nothing is loaded from anywhere, and no script or style but these two runs, whatever a value says.
POLICY = (
    f"default-src 'none'; style-src {source_of(STYLE)}; script-src {source_of(SCRIPT)};"
    " connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"
)
