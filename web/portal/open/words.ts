/** What the opening of a dataset says, in the languages of the wallet. `{name}` is replaced. */

/** Why a dataset is not opened. */
export type Reason =
  | "script"
  | "answer"
  | "unreachable"
  | "reload"
  | "key"
  | "cutOff"
  | "segment"
  | "undecryptable"
  | "dictionary"
  | "cell"
  | "file"
  | "columns"
  | "files"
  | "package"
  | "manifest"
  | "leaves"
  | "description";

export interface Words {
  bar: string;
  asking: string;
  cancel: string;
  nothing: string;
  open: string;
  progress: string;
  notOpened: string;
  again: string;
  opened: string;
  save: string;
  saveOne: string;
  formulas: string;
  separator: string;
  checked: string;
  ofLicence: string;
  segments: string;
  hashedOne: string;
  hashed: string;
  unchecked: string;
  columns: string;
  openAgain: string;
  /** What is wrong, and what to do. */
  faults: Record<Reason, [string, string]>;
}

const AGAIN = "`galen deal fetch` reads the package again and fetches what was changed; then begin again.";
/** What the institution sealed is not what it listed: the ledger gives the price back for that. */
const DISPUTE =
  "This is the institution’s fault if the package is the one that was listed: `galen deal dispute` gets the price back, with a compensation, while the time for disputes lasts.";

const en: Words = {
  bar: "Opening the dataset",
  asking: "Asking the wallet for the key that you bought …",
  cancel: "Cancel",
  nothing: "Nothing was opened.",
  open: "Open in this browser",
  progress: "{done} of {total} segments checked and decrypted",
  notOpened: "Not opened",
  again: "Try again",
  opened: "Opened in this browser",
  save: "Save what you need: nothing is kept when this page is closed.",
  saveOne: "Save {path}",
  formulas:
    "Texts or names of {columns} begin like formulas: do not open this file in a spreadsheet. `galen deal decrypt --format csv` disarms them.",
  separator: ", ",
  checked: "What was checked",
  ofLicence: "The package is the one of your licence: root, layout, manifest and key commitment hash to {id}.",
  segments: "All {count} encrypted segments are those that were listed, and each opened under the key that the listing commits to.",
  hashedOne: "One file has the length and SHA-256 that the manifest declares.",
  hashed: "{count} files have the length and SHA-256 that the manifest declares.",
  unchecked: "What was not",
  columns:
    "The commitments of columns were not rebuilt from the cells, so nothing was checked that ties the proofs of the listing to these rows: “Open the dataset on this machine” does that.",
  openAgain: "Open again",
  faults: {
    script: ["The script failed: {what}", "Use the command line."],
    answer: ["The package could not be read: {what}", AGAIN],
    unreachable: ["The wallet does not answer.", "Look whether `galen wallet serve` still runs, and begin again."],
    reload: ["{what}", "Load the page again."],
    key: ["The key is not the one that the listing commits to.", "Use the wallet that bought the dataset, and a node that you trust."],
    cutOff: ["The encrypted package was cut off.", AGAIN],
    segment: ["Segment {segment} is not the one that was listed: its bytes were changed.", AGAIN],
    undecryptable: ["Segment {segment} does not open under its key.", DISPUTE],
    dictionary: ["Segment {segment} holds no dictionary in canonical form.", DISPUTE],
    cell: ["Segment {segment} holds, in row {row} of its block, a cell outside the bounds of {column}.", DISPUTE],
    file: [
      "{path} is authentic, but not the file that the manifest declares: its SHA-256 or length differs.",
      "`galen deal decrypt` opens it all the same, with `--any-length` however long it is, and says so. No dispute answers this; ask the institution.",
    ],
    columns: ["The manifest describes other columns than the layout.", "Ask the institution."],
    files: ["The manifest describes other files than the layout.", "Ask the institution."],
    package: ["The package is not the one of your licence.", AGAIN],
    manifest: ["The manifest is not the one of your licence.", AGAIN],
    leaves: ["The list of segments is not the one of your licence.", AGAIN],
    description: ["The description of the package is not the one of your licence.", AGAIN],
  },
};

const ZH_AGAIN = "`galen deal fetch` 会重新读取数据包，并重新获取被更改的部分；然后请重新开始。";
const ZH_DISPUTE = "如果数据包正是所上架的那一个，则责任在机构：在争议期限内，`galen deal dispute` 可取回价款并获得赔偿。";

const zh: Words = {
  bar: "正在打开数据集",
  asking: "正在向钱包索取您购买的密钥……",
  cancel: "取消",
  nothing: "未打开任何内容。",
  open: "在本浏览器中打开",
  progress: "已核验并解密 {done} / {total} 个分段",
  notOpened: "未能打开",
  again: "重试",
  opened: "已在本浏览器中打开",
  save: "请保存您需要的内容：关闭本页后不保留任何内容。",
  saveOne: "保存 {path}",
  formulas: "{columns} 中的文本或列名以公式的形式开头：请勿用电子表格软件打开此文件。`galen deal decrypt --format csv` 会消除此风险。",
  separator: "、",
  checked: "已核验的内容",
  ofLicence: "数据包与您的许可一致：根、布局、清单和密钥承诺的哈希为 {id}。",
  segments: "全部 {count} 个加密分段均与上架时一致，且每个分段都能用上架时所承诺的密钥打开。",
  hashedOne: "1 个文件的长度和 SHA-256 与清单声明的一致。",
  hashed: "{count} 个文件的长度和 SHA-256 与清单声明的一致。",
  unchecked: "未核验的内容",
  columns: "未从单元格重建各列的承诺，因此没有核验数据集的证明与这些行之间的联系：“在本机打开数据集”会进行此项核验。",
  openAgain: "再次打开",
  faults: {
    script: ["脚本出错：{what}", "请使用命令行。"],
    answer: ["无法读取数据包：{what}", ZH_AGAIN],
    unreachable: ["钱包没有应答。", "请检查 `galen wallet serve` 是否仍在运行，然后重新开始。"],
    reload: ["{what}", "请重新加载本页。"],
    key: ["此密钥不是上架时所承诺的密钥。", "请使用购买此数据集的钱包，以及您信任的节点。"],
    cutOff: ["加密的数据包不完整。", ZH_AGAIN],
    segment: ["分段 {segment} 与上架时不同：其字节已被更改。", ZH_AGAIN],
    undecryptable: ["分段 {segment} 无法用其密钥打开。", ZH_DISPUTE],
    dictionary: ["分段 {segment} 不是规范形式的字典。", ZH_DISPUTE],
    cell: ["分段 {segment} 所在行块的第 {row} 行，有一个单元格超出了 {column} 的取值范围。", ZH_DISPUTE],
    file: [
      "{path} 是真实的，但不是清单所声明的文件：其 SHA-256 或长度不同。",
      "`galen deal decrypt` 仍可打开它（加上 `--any-length` 则无论多长），并会说明这一点。争议程序不处理此问题；请询问机构。",
    ],
    columns: ["清单描述的列与布局不同。", "请询问机构。"],
    files: ["清单描述的文件与布局不同。", "请询问机构。"],
    package: ["此数据包不是您的许可所指的数据包。", ZH_AGAIN],
    manifest: ["此清单不是您的许可所指的清单。", ZH_AGAIN],
    leaves: ["此分段列表不是您的许可所指的列表。", ZH_AGAIN],
    description: ["此数据包说明不是您的许可所指的说明。", ZH_AGAIN],
  },
};

/** The words of a language; English for one that there is none of. */
export const words = (lang: string): Words => (lang.toLowerCase().startsWith("zh") ? zh : en);
