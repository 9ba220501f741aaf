/** What was found, in words. */
import type { Report, VerifiedTable } from "../verifier/src/check.js";
import { cautions } from "../verifier/src/licence.js";
import type { Caution, VerifiedLicence } from "../verifier/src/licence.js";
import type { Refused } from "../verifier/src/refused.js";
import { el } from "./dom.js";
import { fill } from "./words.js";
import type { Words } from "./words.js";

/** What a command line would name, and where the standalone file is. */
export interface About {
  listing: string;
  file: string | null;
}

const DAY_MS = 86_400_000;
const UNITS: [Intl.RelativeTimeFormatUnitSingular, number][] = [
  ["day", DAY_MS],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
];

const time = (lang: string, ms: number): string =>
  `${new Date(ms).toLocaleString(lang, { dateStyle: "medium", timeStyle: "medium", timeZone: "UTC" })} UTC`;

function age(lang: string, ms: number): string {
  const rest = Math.max(0, ms);
  const [unit, length] = UNITS.find(([, size]) => rest >= size) ?? ["second", 1000];
  return new Intl.NumberFormat(lang, { style: "unit", unit, unitDisplay: "long" }).format(Math.floor(rest / length));
}

function money(lang: string, units: string, decimals: number): string {
  const padded = units.padStart(decimals + 1, "0");
  const whole = BigInt(padded.slice(0, padded.length - decimals)).toLocaleString(lang);
  return decimals === 0 ? whole : `${whole}.${padded.slice(-decimals)}`;
}

const banner = (kind: string, head: string, ...more: (Node | string)[]): HTMLElement =>
  el("div", { class: `banner ${kind}`, role: kind === "bad" ? "alert" : "status", tabindex: "-1" }, el("strong", {}, head), ...more);

const list = (items: (string | Node)[], kind = ""): HTMLElement =>
  el("ul", { class: kind }, ...items.map((item) => el("li", {}, item)));

function entries(pairs: [string, string][]): HTMLElement {
  const all = pairs.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]);
  return el("dl", {}, ...all);
}

/** Ways that do not trust the site. */
function otherWays(w: Words, { listing, file }: About, site: boolean): Node[] {
  const command = listing === "" ? [] : [el("p", {}, w.otherWays), el("pre", {}, `galen dataset verify ${listing}`)];
  const download = file === null ? [] : [el("p", {}, el("a", { href: file, download: "galen-check.html" }, w.standalone))];
  return [...(site ? [el("p", {}, w.siteCode)] : []), ...command, ...download];
}

function table(w: Words, lang: string, found: VerifiedTable): HTMLElement {
  const { name, rows, blocks, k, diversity, charts } = found;
  const columns = charts.join(lang.startsWith("zh") ? "、" : ", ");
  return el(
    "div",
    {},
    fill(w.table, { name, rows: rows.toLocaleString(lang), blocks, k }),
    list([
      ...diversity.map(({ column, l }) => fill(w.diversity, { column, l })),
      ...(charts.length > 0 ? [fill(w.charts, { columns })] : []),
    ]),
  );
}

/** A check that passed. `site`: whether its code came from the site that is checked. */
export function reportView(w: Words, lang: string, report: Report, about: About, site: boolean): Node[] {
  const { institution } = report;
  const of = (ms: number): string => time(lang, ms);
  const verified = [
    fill(w.headerLine, {
      signed: BigInt(report.signed).toLocaleString(lang),
      power: BigInt(report.power).toLocaleString(lang),
      validators: report.validators,
      height: report.height,
      time: of(report.timeMs),
      path: report.path,
    }),
    fill(institution.suspended ? w.suspended : w.institutionLine, { name: institution.name }),
    [
      w.standing[report.standing] ?? report.standing,
      ...(report.supersededBy === undefined ? [] : [w.superseded]),
      ...(institution.stopped ? [w.stopped] : []),
    ].join(" "),
    w.stateLine,
    ...report.prices.map(({ tier, amount, currency, decimals, months }) =>
      fill(w.price, { tier, amount: money(lang, amount, decimals), currency, months, version: report.version }),
    ),
    ...report.tables.map((found) => table(w, lang, found)),
    fill(w.proofs, { statements: report.statements, blocks: report.blocks }),
  ];
  const old = report.checkedMs - report.timeMs;
  const warnings = [
    ...(report.forgeable ? [w.forgeable] : []),
    ...(report.formerValidatorsCouldForge ? [fill(w.former, { days: Math.floor(report.unbondingMs / DAY_MS) })] : []),
    ...(report.stale ? [fill(w.stale, { age: age(lang, old) })] : []),
  ];
  const hashes: [string, string][] = [
    [w.genesis, report.chainId],
    [w.institution, institution.id],
    [w.package, report.package],
    [w.block, `${report.height} ${report.block}`],
    [w.parameters, report.parameters],
  ];
  return [
    banner("good", w.passed, report.stale ? "" : fill(w.recent, { age: age(lang, old) })),
    ...warnings.map((text) => el("p", { class: "banner warn" }, text)),
    el("h3", {}, w.verified),
    list(verified, "yes"),
    el("h3", {}, w.notVerified),
    list(w.limits, "no"),
    el("h3", {}, w.compare),
    entries(hashes),
    el("details", {}, el("summary", {}, w.keys), entries(report.verifyingKeys)),
    ...otherWays(w, about, site),
  ];
}

/** A check that did not pass, or could not be carried out. */
export function refusedView(w: Words, error: Refused | undefined, broken: string, about: About): Node[] {
  const what = error === undefined ? broken : `${w.reasons[error.reason]}: ${error.message}`;
  return [
    banner("bad", w.failed, el("span", {}, what)),
    el("p", {}, w.failedNote),
    ...otherWays(w, about, false),
  ];
}

/** A licence certificate that passed. */
export function licenceView(w: Words, lang: string, licence: VerifiedLicence): Node[] {
  const of = (ms: number): string => time(lang, ms);
  const { ledger, deal, height } = licence;
  const told: Record<Caution, string> = {
    revoked: fill(w.licenceRevoked, { time: of(licence.revokedMs ?? 0) }),
    expired: fill(w.licenceExpired, { time: of(licence.untilMs) }),
    "not yet": fill(w.licenceNotYet, { time: of(licence.fromMs) }),
    "former validators": fill(w.former, { days: Math.floor(licence.unbondingMs / DAY_MS) }),
    forgeable: w.forgeable,
  };
  // What was proven holds; a licence that is not in force is nothing to go ahead with.
  return [
    banner(licence.inForce === "yes" ? "good" : "warn", w.passed),
    ...cautions(licence).map((caution) => el("p", { class: "banner warn" }, told[caution])),
    el("h3", {}, w.verified),
    list(
      [
        fill(w.licence, { ledger, deal, package: licence.package, institution: licence.institution }),
        fill(w.licenceState, { height, time: of(licence.timeMs) }),
        fill(w.licenceTime, { from: of(licence.fromMs), until: of(licence.untilMs) }),
      ],
      "yes",
    ),
    el("h3", {}, w.notVerified),
    list(w.licenceLimits, "no"),
    el("h3", {}, w.compare),
    entries([
      [w.genesis, licence.chainId],
      [w.block, `${height} ${licence.block}`],
    ]),
  ];
}
