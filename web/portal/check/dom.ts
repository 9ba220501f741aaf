/** Elements and the style of the check. Text is always a text node; nothing is parsed as markup. */

/** Makes an element. */
export function el<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Record<string, string>,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const STYLE = `
:host { display: block; }
p { margin: .5rem 0; }
h3, h4 { font-size: 1rem; margin: 1rem 0 .25rem; }
h2 { font-size: 1.1rem; margin: 0 0 .5rem; }
ul { margin: .25rem 0; padding-left: 1.25rem; }
li { margin: .2rem 0; overflow-wrap: anywhere; }
.yes > li::marker { content: "\\2713\\00a0\\00a0"; color: var(--good, #14663a); font-weight: 700; }
.no > li::marker { content: "\\2013\\00a0\\00a0"; color: var(--soft, #55617a); }
pre { padding: .6rem .8rem; border-radius: .35rem; background: var(--band, #f4f6fa); }
.row { display: flex; flex-wrap: wrap; gap: .6rem; align-items: center; margin-top: 1rem; }
button, input { font: inherit; padding: .4rem .8rem; border: 1px solid var(--soft, #55617a); border-radius: .35rem; background: var(--paper, #fff); color: var(--ink, #1b2330); }
button { cursor: pointer; background: var(--accent, #0b5cad); border-color: var(--accent, #0b5cad); color: var(--paper, #fff); }
button.quiet { background: transparent; color: var(--accent, #0b5cad); }
:focus-visible { outline: 3px solid var(--accent, #0b5cad); outline-offset: 2px; }
a { color: var(--accent, #0b5cad); }
progress { width: 100%; height: .8rem; accent-color: var(--accent, #0b5cad); }
.fine, small, dt { color: var(--soft, #55617a); font-size: .875rem; }
.banner { padding: .7rem .9rem; border-radius: .4rem; overflow-wrap: anywhere; }
.banner strong { display: block; }
.good { background: var(--good-band, #e2f3e8); color: var(--good, #14663a); }
.warn { background: var(--warn-band, #fff1d6); color: var(--warn, #6b4300); }
.bad { background: var(--bad-band, #fde4e4); color: var(--bad, #8c1d1d); border-left: 4px solid; }
dl { margin: .25rem 0; }
dd { margin: 0 0 .4rem; }
dd, pre { font: .875rem/1.5 ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap; }
pre { margin: .25rem 0; }
form { display: grid; gap: .7rem; max-width: 44rem; margin: 1rem 0; padding: 1rem; border: 1px solid var(--line, #d9dee8); border-radius: .5rem; }
label { display: grid; gap: .2rem; }
form button { justify-self: start; }
@media (prefers-color-scheme: dark) { .bad { background: var(--bad-band, #45191c); color: var(--bad, #ffb4b4); } }
`;

let made: CSSStyleSheet | undefined;

/** The style, as an object: a policy that forbids inline styles allows it. */
export function sheet(): CSSStyleSheet {
  if (made === undefined) {
    made = new CSSStyleSheet();
    made.replaceSync(STYLE);
  }
  return made;
}
