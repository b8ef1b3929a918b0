/** The looks of the documentation page: light or dark, as the reader's system is. */
export const DOCS_STYLE = `
:root {
  color-scheme: light dark;
  --text: light-dark(#1d2430, #e4e8ef);
  --soft: light-dark(#5b6575, #98a2b3);
  --page: light-dark(#ffffff, #14171c);
  --card: light-dark(#f6f7f9, #1c2027);
  --line: light-dark(#e1e5ea, #2d333d);
  --link: light-dark(#1d5fd1, #7eb0ff);
  --good: light-dark(#11713d, #5fcf8f);
  --bad: light-dark(#b3261e, #ff8a80);
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace;
}
* { box-sizing: border-box; }
html { scroll-padding-top: 4.5rem; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.55 system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif;
}
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
code, pre, textarea, .path { font-family: var(--mono); font-size: 0.875em; }
code { background: var(--card); border-radius: 4px; padding: 0.1em 0.3em; }
header {
  position: sticky; top: 0; z-index: 1; display: flex; align-items: center; gap: 0.75rem;
  padding: 0.7rem 1.5rem; background: var(--page); border-bottom: 1px solid var(--line);
}
header h1 { margin: 0; font-size: 1.15rem; }
header .version { color: var(--soft); }
header label { margin-left: auto; }
#layout { display: grid; grid-template-columns: 19rem minmax(0, 54rem); gap: 2.5rem; padding: 0 1.5rem; }
nav { position: sticky; top: 3.6rem; align-self: start; max-height: calc(100vh - 3.6rem); overflow: auto; padding: 1.2rem 0; }
nav h2 { margin: 1rem 0 0.3rem; color: var(--soft); font-size: 0.75rem; letter-spacing: 0.06em; text-transform: uppercase; }
nav a { display: block; padding: 0.15rem 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; color: var(--text); }
main { padding: 1.2rem 0 6rem; }
main > h2 { margin: 2.2rem 0 0.8rem; font-size: 1.3rem; }
section { margin: 0 0 1.2rem; padding: 1rem 1.25rem; border: 1px solid var(--line); border-radius: 10px; }
section h3 { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.6rem; margin: 0; font-size: 1.05rem; }
section h4 { margin: 1.1rem 0 0.4rem; font-size: 0.9rem; }
.summary { color: var(--soft); font-weight: 400; }
.method { min-width: 3.6rem; padding: 0.1rem 0.5rem; border-radius: 5px; background: var(--link); color: var(--page); font: 600 0.75rem/1.5 var(--mono); text-align: center; }
.verb { display: inline-block; width: 4.4em; color: var(--link); font: 600 0.7rem/1 var(--mono); text-transform: uppercase; }
.verb.get { color: var(--good); }
.verb.delete { color: var(--bad); }
.method.get { background: var(--good); }
.method.delete { background: var(--bad); }
table { width: 100%; border-collapse: collapse; }
td { padding: 0.35rem 0.8rem 0.35rem 0; border-top: 1px solid var(--line); vertical-align: top; }
td:first-child { white-space: nowrap; }
td:last-child { width: 100%; padding-right: 0; }
.type, .note { color: var(--soft); font-size: 0.85em; }
.required { color: var(--bad); font-size: 0.8em; }
.good { color: var(--good); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; }
pre { margin: 0.4rem 0; padding: 0.7rem 0.9rem; max-height: 26rem; overflow: auto; border-radius: 8px; background: var(--card); white-space: pre-wrap; overflow-wrap: anywhere; }
details { margin-top: 1rem; }
summary { cursor: pointer; font-weight: 600; font-size: 0.9rem; }
input, textarea, button { border: 1px solid var(--line); border-radius: 7px; background: var(--card); color: inherit; font: inherit; padding: 0.35rem 0.6rem; }
textarea { display: block; width: 100%; margin: 0.5rem 0; resize: vertical; font-family: var(--mono); font-size: 0.875em; }
button { cursor: pointer; border-color: var(--link); background: var(--link); color: var(--page); font-weight: 600; padding: 0.35rem 1.1rem; }
button:disabled { opacity: 0.5; cursor: default; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 1px; }
.field { display: flex; align-items: center; gap: 0.6rem; margin: 0.5rem 0; }
.message { padding: 2rem 0; color: var(--soft); }
@media (max-width: 50rem) {
  #layout { display: block; padding: 0 1rem; }
  nav { display: none; }
  header { flex-wrap: wrap; padding: 0.6rem 1rem; }
  header label { margin-left: 0; }
  .field { flex-wrap: wrap; }
  input { max-width: 100%; min-width: 0; }
  h3, td, .path, code { overflow-wrap: anywhere; }
  td:first-child { white-space: normal; }
  td { display: block; border: 0; padding: 0; }
  tr { display: block; border-top: 1px solid var(--line); padding: 0.4rem 0; }
}
`;
