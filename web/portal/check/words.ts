/** What the check says, in the languages of the portal. */
import type { Reason } from "../verifier/src/refused.js";

/** The texts of a language. `{name}` is replaced. */
export interface Words {
  start: string;
  before: string;
  cancel: string;
  preparing: string;
  progress: string;
  cancelled: string;
  again: string;
  passed: string;
  failed: string;
  failedNote: string;
  broken: string;
  verified: string;
  notVerified: string;
  compare: string;
  genesis: string;
  parameters: string;
  keys: string;
  block: string;
  headerLine: string;
  stateLine: string;
  institutionLine: string;
  suspended: string;
  stopped: string;
  standing: Record<string, string>;
  superseded: string;
  price: string;
  table: string;
  diversity: string;
  charts: string;
  proofs: string;
  limits: string[];
  forgeable: string;
  former: string;
  recent: string;
  stale: string;
  siteCode: string;
  otherWays: string;
  standalone: string;
  save: string;
  took: string;
  node: string;
  institution: string;
  package: string;
  chainId: string;
  chainIdNote: string;
  fromNode: string;
  fromFile: string;
  file: string;
  fileNote: string;
  licence: string;
  licenceState: string;
  licenceTime: string;
  licenceRevoked: string;
  licenceExpired: string;
  licenceNotYet: string;
  licenceLimits: string[];
  reasons: Record<Reason, string>;
}

const en: Words = {
  start: "Check in my browser",
  before: "Fetches the signed header and every proof of this listing, and verifies them here, in this browser.",
  cancel: "Cancel",
  preparing: "Fetching headers and keys …",
  progress: "{done} of {total} row blocks verified",
  cancelled: "Cancelled. Nothing was concluded.",
  again: "Check again",
  passed: "Verified in this browser.",
  failed: "The check failed.",
  failedNote: "Do not rely on what this page calls proven. Ask another node, or check with the command below.",
  broken: "The check could not be carried out: {what}",
  verified: "What was verified",
  notVerified: "What was not",
  compare: "To compare",
  genesis: "Genesis hash (names the ledger)",
  parameters: "Hash of the proving parameters",
  keys: "Hashes of the verifying keys",
  block: "Block",
  headerLine:
    "Validators with {signed} of {power} stake ({validators} in the set) signed block {height} of {time}. Certificates that lead there from the genesis: {path}.",
  stateLine:
    "Listing, layout, claims, price and terms as shown are those in the state that this block commits to, under the name of this institution and package.",
  institutionLine: "{name} is registered as an institution.",
  suspended: "{name} is suspended as an institution.",
  stopped: "Its listings take no requests, because it missed a delivery.",
  standing: {
    draft: "The listing is a draft: it is not offered.",
    live: "The listing is live.",
    withdrawn: "The listing is withdrawn.",
    taken_down: "The listing was taken down.",
    refunded: "The listing is closed: a dispute was upheld.",
  },
  superseded: "A newer version supersedes it.",
  price: "{tier}: {amount} {currency} for {months} months, offer version {version}.",
  table: "Table {name}, {rows} rows in {blocks} blocks: each combination of the quasi-identifiers has at least k = {k} rows.",
  diversity: "In each of these classes, {column} takes at least l = {l} different values.",
  charts: "The charts of {columns} are those of the committed cells, all of which lie in their bins or are missing.",
  proofs: "{statements} statements about {blocks} row blocks, each with a proof that holds.",
  limits: [
    "That the records are true. No proof can say that; it rests on the institution’s name.",
    "What is declared: title, description, diseases, one row a person, what columns mean.",
    "That this is the latest block: a node may show an old one. Compare the time of the block with your clock.",
    "That the genesis hash is the one of the ledger you mean. Compare it with one that you got elsewhere.",
    "The encrypted package itself, and how it was made from the source.",
    "Anything else that a page shows. Only what is listed above was verified; compare the two.",
  ],
  forgeable:
    "Development ledger: its proving parameters are forgeable, so anybody can make false proofs that pass this check.",
  former:
    "The genesis is older than the {days} days for which stake stays bound: former validators could have forged all of this. Compare the hash of the block with one that you got from somebody you trust.",
  recent: "The block is {age} older than this machine’s clock.",
  stale: "The block is {age} old: the node is behind, or keeps newer blocks back. What came later, this check does not see.",
  siteCode:
    "The code that checked came from this site. A site that lies could serve code that lies. These two ways do not trust it:",
  otherWays: "On your own machine, with a program that shares no code with this one:",
  standalone: "Download this check as one file",
  save: "Save what was checked",
  took: "{seconds} s in {workers} workers.",
  node: "Address of a node",
  institution: "Institution",
  package: "Package",
  chainId: "Genesis hash that you trust",
  chainIdNote: "64 digits, from somebody you trust. Left empty, compare the one that is shown.",
  fromNode: "Check a listing at a node",
  fromFile: "Check a file",
  file: "Saved check, or licence certificate",
  fileNote: "What “Save what was checked” or galen licence wrote. Nothing is sent anywhere.",
  licence: "The ledger {ledger} issued the licence of deal {deal}: package {package} of institution {institution}.",
  licenceState: "Proven in block {height} of {time}. Licence, deal, listing, offer and institution are as the file says.",
  licenceTime: "It runs from {from} to {until}.",
  licenceRevoked: "It was revoked on {time}.",
  licenceExpired: "It is no longer in force: it ended on {time}.",
  licenceNotYet: "It is not in force yet: it begins on {time}.",
  licenceLimits: [
    "Whether the licence was revoked after that block cannot be seen offline; ask a node.",
    "It is no proof that who shows it is the licensee.",
    "It says nothing of the truth of the data.",
  ],
  reasons: {
    encoding: "An answer has another form than it must have",
    key: "The verifying keys are not those of the genesis",
    "unknown-circuit": "A proof is of an unknown statement",
    claim: "What is claimed is impossible",
    layout: "The layout is not that of the package",
    leaves: "The leaves of a row block are not in the package",
    proofs: "Proofs are missing or too many",
    inputs: "A proof is of something else than the claim",
    columns: "A proof opens other columns than the claim needs",
    opening: "A column does not open to the value that was proven",
    knowledge: "A commitment has no valid proof of knowledge",
    totals: "The totals of a chart are not those of the rows",
    invalid: "A proof does not hold",
    genesis: "The node is of another ledger",
    header: "A header does not follow from the genesis",
    certificate: "The validators’ signatures do not decide this block",
    state: "What is shown is not in the signed state",
    licence: "The licence certificate says what it does not prove",
    unreachable: "The node does not answer",
  },
};

const zh: Words = {
  start: "在我的浏览器中核验",
  before: "获取已签名的区块头和此数据集的全部证明，并在本浏览器中逐一验证。",
  cancel: "取消",
  preparing: "正在获取区块头和验证密钥……",
  progress: "已验证 {done} / {total} 个行块",
  cancelled: "已取消，未得出任何结论。",
  again: "再次核验",
  passed: "已在本浏览器中验证通过。",
  failed: "核验未通过。",
  failedNote: "请勿相信本页所称“已证明”的内容。请换一个节点，或用下面的命令核验。",
  broken: "核验无法进行：{what}",
  verified: "已验证的内容",
  notVerified: "未验证的内容",
  compare: "供您比对",
  genesis: "创世哈希（账本的名称）",
  parameters: "证明参数的哈希",
  keys: "验证密钥的哈希",
  block: "区块",
  headerLine: "持有 {signed} / {power} 权益的验证人（共 {validators} 个）签署了区块 {height}（{time}）；从创世区块起经 {path} 份证书可达该区块。",
  stateLine: "所示的数据集、布局、声明、价格和条款，均与该区块所承诺的状态一致，且属于此机构和此数据包。",
  institutionLine: "{name} 已登记为机构。",
  suspended: "{name} 的机构资格已被暂停。",
  stopped: "该机构因未按时交付，其数据集暂不接受申请。",
  standing: {
    draft: "此数据集是草稿，尚未提供。",
    live: "此数据集正在提供。",
    withdrawn: "此数据集已撤回。",
    taken_down: "此数据集已被下架。",
    refunded: "此数据集已关闭：一项争议成立。",
  },
  superseded: "已有更新的版本取代它。",
  price: "{tier}：{amount} {currency}，许可 {months} 个月，报价版本 {version}。",
  table: "表 {name}，{rows} 行，{blocks} 个行块：准标识符的每种组合至少有 k = {k} 行。",
  diversity: "在每个这样的等价类中，{column} 至少有 l = {l} 个不同的值。",
  charts: "{columns} 的图表与已承诺的单元格一致，所有单元格都在其区间内或为缺失。",
  proofs: "关于 {blocks} 个行块的 {statements} 条陈述，每条都有成立的证明。",
  limits: [
    "记录是否真实。任何证明都无法说明这一点；它取决于机构的信誉。",
    "声明的内容：标题、描述、疾病、每人一行、各列的含义。",
    "这是否为最新区块：节点可能给出旧区块。请将区块时间与您的时钟比对。",
    "创世哈希是否属于您所指的账本。请与您从别处得到的哈希比对。",
    "加密的数据包本身，以及它如何由源数据制成。",
    "本页显示的其他内容。只有上面列出的内容经过验证；请与页面比对。",
  ],
  forgeable: "开发账本：其证明参数可被伪造，任何人都能制作通过此核验的假证明。",
  former: "创世区块已超过权益锁定的 {days} 天：前任验证人可能伪造了这一切。请将区块哈希与您从可信之人处得到的哈希比对。",
  recent: "该区块比本机时钟早 {age}。",
  stale: "该区块已是 {age} 之前的：节点落后，或隐瞒了更新的区块。之后发生的事，此核验看不到。",
  siteCode: "进行核验的代码来自本网站。说谎的网站也可能提供说谎的代码。以下两种方式无需信任本网站：",
  otherWays: "在您自己的机器上，用与此程序不共享任何代码的程序：",
  standalone: "将此核验程序下载为单个文件",
  save: "保存核验过的内容",
  took: "用时 {seconds} 秒，{workers} 个工作线程。",
  node: "节点地址",
  institution: "机构",
  package: "数据包",
  chainId: "您信任的创世哈希",
  chainIdNote: "64 位十六进制数字，来自您信任的人。若留空，请比对所示的哈希。",
  fromNode: "核验某节点上的数据集",
  fromFile: "核验文件",
  file: "保存的核验内容，或许可证书",
  fileNote: "由“保存核验过的内容”或 galen licence 写出的文件。不会向任何地方发送。",
  licence: "账本 {ledger} 为交易 {deal} 签发了许可：机构 {institution} 的数据包 {package}。",
  licenceState: "已在区块 {height}（{time}）中证明。许可、交易、数据集、报价和机构均如文件所述。",
  licenceTime: "有效期自 {from} 至 {until}。",
  licenceRevoked: "已于 {time} 撤销。",
  licenceExpired: "许可已不再有效：已于 {time} 到期。",
  licenceNotYet: "许可尚未生效：自 {time} 起生效。",
  licenceLimits: ["该区块之后许可是否被撤销，离线无法得知；请询问节点。", "它不能证明出示者就是被许可人。", "它不说明数据是否真实。"],
  reasons: {
    encoding: "应答的格式不符合要求",
    key: "验证密钥与创世区块所定的不同",
    "unknown-circuit": "证明属于未知的陈述",
    claim: "所声明的内容不可能成立",
    layout: "布局不属于此数据包",
    leaves: "行块的叶子不在数据包中",
    proofs: "证明缺失或过多",
    inputs: "证明与声明不符",
    columns: "证明打开的列与声明所需不同",
    opening: "某列打开的值与所证明的不同",
    knowledge: "某个承诺没有有效的知识证明",
    totals: "图表的合计与各行不符",
    invalid: "某个证明不成立",
    genesis: "节点属于另一个账本",
    header: "区块头无法由创世区块推出",
    certificate: "验证人的签名不足以决定此区块",
    state: "所示内容不在已签名的状态中",
    licence: "许可证书所说超出其所证明",
    unreachable: "节点没有应答",
  },
};

/** The words of a language; English for one that there is none of. */
export const words = (lang: string): Words => (lang.toLowerCase().startsWith("zh") ? zh : en);

/** Puts values in the place of their names. */
export const fill = (text: string, values: Record<string, string | number>): string =>
  text.replace(/\{(\w+)\}/g, (all, name: string) => (Object.hasOwn(values, name) ? String(values[name]) : all));
