//! Every text of the console's pages in both languages. Depends on the portal's choice of language;
//! sentences that follow from a table or a listing are in [`said`].

pub(super) mod said;

galen_web::words! {
    console: "Galen console", "Galen 控制台";
    development: "Development ledger.", "开发用账本。";
    forgeable: "Anybody can forge proofs on it: good for trying out, and for nothing else.", "任何人都能在其上伪造证明：仅供试用，别无他用。";
    all_forgeable: "Development ledger: every proof here is forgeable.", "开发用账本：此处的每个证明都可被伪造。";

    // The first page.
    your_datasets: "Your datasets", "您的数据集";
    home_note: "On {}. What you read here never leaves this machine; the node is sent what is encrypted, proven or public.", "账本：{}。您在此看到的内容不会离开本机；发往节点的只有加密的、已证明的或公开的内容。";
    offer_dataset: "Offer a dataset", "上架数据集";
    on_their_way: "On their way", "处理中的数据表";
    memory_only: "Held in memory only: gone when this program stops.", "只保存在内存中：本程序停止后即消失。";
    file: "File", "文件";
    next: "Next", "下一步";
    packages: "Packages", "数据包";
    none_yet: "None yet.", "暂无。";
    dataset: "Dataset", "数据集";
    rows: "Rows", "行数";
    state: "State", "状态";
    licences: "Licences", "已售许可";
    being_worked_on: "being worked on", "处理中";
    then_description: "description and proofs", "说明与证明";
    no_folder: "(its folder is not there)", "（其文件夹不存在）";
    not_proven: "not proven yet", "尚未证明";
    proven_only: "proven, not published", "已证明，未发布";
    not_here: "not here", "不在此处";
    draft_of: "draft, {} of {} proven", "草稿，已证明 {} 个行块，共 {} 个";
    live_newer: "live, a newer version is listed", "在售，已有更新的版本";
    live: "live", "在售";
    withdrawn: "withdrawn", "已撤回";
    taken_down: "taken down by the registrars", "已被登记方下架";
    refunded: "refunded: not what was listed", "已退款：与上架内容不符";

    // The steps, and the file.
    step_file: "file", "文件";
    step_columns: "columns", "列";
    step_risk: "risk against loss", "风险与损失";
    step_description: "description", "说明";
    step_prepare: "prepare and prove", "准备与证明";
    step_publish: "publish", "发布";
    offer_note: "A table with a header line. It is read into the memory of the program on this machine, and nowhere else: no raw row is sent to a node.", "带表头的数据表。它只读入本机程序的内存，不会到别处：任何原始行都不会发往节点。";
    table_file: "Table file (CSV or Parquet)", "数据表文件（CSV 或 Parquet）";
    drop_note: "Choose it, or drop it on the field. A gzip of a CSV file will do, too.", "请选择文件，或将其拖放到此处。gzip 压缩的 CSV 文件也可以。";
    or_path: "or its path on this machine", "或其在本机上的路径";
    separator: "Separator of a CSV file", "CSV 文件的分隔符";
    comma: "comma", "逗号";
    semicolon: "semicolon", "分号";
    tab: "tab", "制表符";
    bar: "vertical bar", "竖线";
    read_table: "Read the table", "读取数据表";
    working: "Working", "处理中";
    your_table: "Your table", "您的数据表";
    back_columns: "Back to the columns", "返回列的设置";
    begin_file: "Begin with the file", "从文件重新开始";

    // Columns.
    columns: "Columns", "列";
    columns_lead: "{}: {} rows, {} columns. Roles are proposals: a column without a finding may still identify.", "{}：{} 行，{} 列。角色只是建议：未发现问题的列仍可能识别出个人。";
    could_name: "What could name a person", "可能指认个人的内容";
    nothing_found: "Nothing of HIPAA’s Safe Harbor was found.", "未发现 HIPAA 安全港规则所列的内容。";
    column: "Column", "列";
    what: "What", "内容";
    cells: "Cells", "单元格数";
    first_line: "First line", "首个所在行号";
    first_row: "First row", "首个所在行";
    to_do: "What to do", "处理办法";
    roles: "Roles", "角色";
    kind: "Kind", "类型";
    different: "Different", "不同取值";
    missing: "Missing", "缺失";
    role: "Role", "角色";
    why: "Why", "理由";
    role_of: "Role of {}", "{} 的角色";
    groups_title: "Groups of quasi-identifiers", "准标识符的分组";
    groups_note: "A value becomes coarser level by level; the level of each column is chosen later, so that the least is lost. The values themselves are counted here, and not shown.", "取值逐级变粗；各列采用哪一级，稍后按损失最小选定。此处对取值只计数，不显示。";
    no_quasi: "No column is a quasi-identifier: give the role to those that others may know, such as age or sex.", "没有准标识符列：请将此角色赋予他人可能知道的列，例如年龄或性别。";
    groups_of: "Groups of {}", "{} 的分组";
    width_of: "Width of {}", "{} 的区间宽度";
    bottom_of: "Bottom of {}", "{} 的下限";
    top_of: "Top of {}", "{} 的上限";
    low_of: "Least level of {}", "{} 的最低级别";
    own_levels: "Levels of my own", "自定级别";
    levels_of: "Levels of {}, a line each as value;level 1;…;*", "{} 的级别，每行写作：取值;级别 1;…;*";
    level: "Level", "级别";
    groups: "Groups", "分组数";
    smallest: "Smallest", "最小分组";
    loss: "Loss", "损失";
    largest: "Largest groups", "最大的分组";
    n_rows: "{} rows", "{} 行";
    no_label: "(missing)", "（缺失）";
    label_rows: "{}: {} rows", "{}：{} 行";
    more_groups: "and {} more", "另有 {} 组";
    asked: "What is asked", "要求";
    l_label: "Different values of every sensitive column (l), none if empty", "每个敏感列的不同取值数（l），留空则不要求";
    suppression: "Rows that may be left out, in percent", "可隐去的行所占百分比";
    all_rows: "Keep all rows of a person, and count distinct persons", "保留每人的所有行，并按不同的人计数";
    blank: "Empty further cells where so few are missing that a chart would point at them", "缺失的单元格过少、图表会指向它们时，再清空一些单元格";
    block_rows: "Rows of a proof block", "每个证明行块的行数";
    small_blocks: "1,016: for trying out, on development ledgers", "1,016：仅供在开发用账本上试用";
    preview: "Save and preview", "保存并预览";
    compare: "Compare risk and loss", "比较风险与损失";
    discard: "Discard this table", "放弃此表";
    is_identifier: "identifier: dropped", "标识符：删除";
    is_person: "person: k counts persons by it; dropped", "个人：k 据此按人计数；删除";
    is_quasi: "quasi-identifier: generalised", "准标识符：泛化";
    is_sensitive: "sensitive: kept", "敏感：保留";
    is_insensitive: "insensitive: kept", "非敏感：保留";
    is_dropped: "drop: left out", "舍弃：不列入";
    whole_number: "whole number", "整数";
    decimal_number: "number, {} places", "数值，{} 位小数";
    date: "date", "日期";
    text: "text", "文本";
    by_intervals: "intervals that double in width", "宽度逐级加倍的区间";
    by_dates: "day, month, year, decade", "日、月、年、十年";
    by_nothing: "the value, or nothing", "取值本身，或留空";
    by_levels: "levels of my own, below", "自定级别，见下";

    // Risk against loss.
    risk: "Risk against loss", "风险与损失";
    risk_note: "{}. A larger k makes every group of rows that look alike larger: less risk for persons, less detail for research.", "{}。k 越大，彼此相同的行所成的组就越大：个人的风险越小，可供研究的细节也越少。";
    chart_title: "Loss, rows left out and risk for several k; the table below has the numbers", "若干 k 值下的损失、隐去的行与风险；数字见下表";
    at_k: "{}, k = {}: {} %", "{}，当 k = {} 时：{} %";
    choose: "Choose", "选择";
    left_out: "Rows left out", "隐去的行";
    greatest: "Greatest risk", "最高风险";
    average: "Average risk", "平均风险";
    smallest_group: "Smallest group", "最小分组";
    levels: "Levels", "级别";
    risk_explained: "Greatest risk: the chance to find the row of a person who is known to be in the table (prosecutor). Average risk: the share of all rows that would be found by trying all (marketer).", "最高风险：已知某人在表中时，找出其所在行的概率（检察官模型）。平均风险：逐行尝试时，能被找出的行所占的比例（营销者模型）。";
    use_k: "Use this k", "采用此 k 值";
    none_reached: "No k can be reached so. Go back to the columns: allow coarser groups or more rows left out, or drop a quasi-identifier.", "按此设置达不到任何 k 值。请返回列的设置：允许更粗的分组、隐去更多的行，或舍弃一个准标识符。";
    line_loss: "loss of detail", "细节损失";
    line_left: "rows left out", "隐去的行";
    line_greatest: "greatest risk (prosecutor)", "最高风险（检察官模型）";
    line_average: "average risk (marketer)", "平均风险（营销者模型）";

    // The description.
    describe: "Describe the dataset", "填写数据集说明";
    describe_lead: "{}, k = {}. Everything on this page becomes public.", "{}，k = {}。本页填写的内容都将公开。";
    describe_lead_of: "{}, k = {}: {}. Everything on this page becomes public.", "{}，k = {}：{}。本页填写的内容都将公开。";
    remain: "{} rows remain, {} are left out", "保留 {} 行，隐去 {} 行";
    short_name: "Short name", "短名称";
    short_help: "Lower-case letters, digits, - and _.", "小写字母、数字、- 与 _。";
    title: "Title", "标题";
    description: "Description", "说明";
    keywords: "Keywords", "关键词";
    keywords_example: "glucose, cohort", "血糖, 队列";
    countries: "Countries", "国家";
    diseases: "Diseases", "疾病";
    citation: "How to cite", "引用方式";
    terms_price: "Terms and price", "条款与价格";
    permitted: "Permitted use", "允许的用途";
    disease_use: "research on the diseases named above", "上述疾病的研究";
    conditions: "Conditions", "条件";
    further_clauses: "Further clauses", "其他条款";
    price: "Price", "价格";
    currency: "Currency", "币种";
    months: "Licence in months", "许可期（月）";
    review_hours: "Review requests within so many hours; empty for no review", "审核申请的时限（小时）；留空则不审核";
    max_licences: "Most licences; empty for any number", "许可数上限；留空则不限";
    licence_name: "Name of the licence", "许可证名称";
    licence_text: "Text of the licence", "许可证全文";
    charts: "Charts", "图表";
    charts_note: "Each shows the true distribution of a column, proven. A bin holds nothing or at least k rows.", "每张图表展示一列的真实分布，并附证明。每个区间或为空，或至少有 k 行。";
    show_chart: "Show a proven chart of {}", "展示 {} 的图表并附证明";
    go_on: "Continue", "继续";

    // Preparing and proving.
    prepare: "Prepare and prove", "准备与证明";
    encrypted: "It is encrypted; proofs are missing.", "已加密；尚缺证明。";
    see_package: "See the package", "查看数据包";
    prepare_lead: "{}: {} rows of {} are generalised to k = {}, encrypted under a key that only your wallet has, and every row block is proven. This happens on this machine. Nothing is sent yet.", "{}：将 {} 行（{}）泛化至 k = {}，以只有您的钱包持有的密钥加密，并证明每个行块。这些都在本机进行，尚不发送任何内容。";
    prepare_lead_l: "{}: {} rows of {} are generalised to k = {} and l = {}, encrypted under a key that only your wallet has, and every row block is proven. This happens on this machine. Nothing is sent yet.", "{}：将 {} 行（{}）泛化至 k = {}、l = {}，以只有您的钱包持有的密钥加密，并证明每个行块。这些都在本机进行，尚不发送任何内容。";
    prepare_note: "The raw rows are forgotten when it is done. If it is interrupted after encryption, the proofs go on from the page of the package.", "完成后即丢弃原始行。若在加密之后中断，可从数据包的页面继续证明。";
    no_k: "No k is chosen yet. First:", "尚未选择 k 值。请先：";
    no_description: "It is not described yet. First:", "尚未填写说明。请先：";

    // A package.
    missing_proofs: "{} of {} row blocks are not proven yet.", "有 {} 个行块尚未证明，共 {} 个。";
    not_published: "Proven, and not published.", "已证明，尚未发布。";
    is_live: "The dataset is live.", "数据集已上架。";
    its_page: "Its page", "其页面";
    prove_on: "Go on proving", "继续证明";
    is_public: "What is public", "已公开的内容";
    becomes_public: "What becomes public", "将公开的内容";
    to_be_proven: "To be proven", "待证明";
    proven: "Proven", "已证明";
    chart_of: "Chart of {}", "{} 的图表";
    bin_missing: "missing", "缺失";
    besides: "Public besides", "其他公开内容";
    declared_note: "What the texts say is declared by you, and not proven.", "文字所述由您声明，未经证明。";
    terms: "Terms", "条款";
    tier_of: "{}: {}, a licence of {} months", "{}：{}，许可期 {} 个月";
    publish: "Publish", "发布";
    publish_note: "The draft, the proofs and the encrypted segments go to {}. The ledger verifies every proof itself; then everybody can see what stands above, and buyers who qualify can request it. The key stays here.", "草稿、证明与加密的数据段将发往 {}。账本自行验证每个证明；此后所有人都能看到上述内容，符合条件的买方可以申请。密钥留在本机。";
    fee_now: "The ledger would accept the draft now, for a fee of {}.", "账本现在会接受此草稿，手续费 {}。";
    would_refuse: "The ledger would refuse it now:", "账本现在会拒绝：";
    sign_publish: "Sign and publish", "签署并发布";
    deals: "Deals", "交易";
    deal: "Deal", "交易";
    stage: "Stage", "阶段";
    withdraw: "Withdraw", "撤回";
    withdraw_note: "It takes no further requests then. Deals that were requested before go on.", "此后不再接受申请。此前已申请的交易继续进行。";
    reason: "Reason", "理由";
    everybody_reads: "Everybody can read it.", "所有人可见。";
    withdraw_listing: "Withdraw the listing", "撤回上架";
    package: "Package", "数据包";
    institution: "Institution", "机构";
    columns_ranges: "Columns, with their kinds and ranges", "列及其类型与取值范围";
    more_columns: "{} and {} more", "{}，另有 {} 列";
    segments: "Encrypted segments", "加密的数据段";
    segments_bytes: "{}, {} bytes", "{} 段，{} 字节";
    licence: "Licence", "许可证";

    // Deals.
    request_waits: "One request waits for your review:", "有 1 个申请等待您审核：";
    requests_wait: "{} requests wait for your review:", "有 {} 个申请等待您审核：";
    review_it: "review it", "审核该申请";
    review_first: "review the most urgent one", "审核最紧急的申请";
    key_waits: "One buyer waits for a key:", "有 1 位买方等待密钥：";
    keys_wait: "{} buyers wait for keys:", "有 {} 位买方等待密钥：";
    agent_delivers: "delivers them by itself, or", "可自动交付，或者";
    deliver_it: "deliver it", "手动交付";
    deliver_first: "deliver the most urgent one", "手动交付最紧急的一个";
    late_key: " by hand. A late key costs a part of the bond.", "。密钥逾期将失去部分保证金。";
    purpose: "Purpose", "用途";
    requested: "Requested", "申请时间";
    time_left: "Time left", "剩余时间";
    nobody_knows: "Who buys is not known to anybody: a credential vouches for the purpose.", "无人知道买方是谁：由凭证为其用途担保。";

    // One deal.
    deal_of: "Deal: {}", "交易：{}";
    left: "Time left: {}.", "剩余时间：{}。";
    tier: "Tier", "档次";
    named_users: "Named users", "指名用户";
    terms_say: "What the terms say to it: {}", "条款的判定：{}";
    clause: "Clause", "条款";
    finding: "Finding", "依据";
    outcome: "Outcome", "结果";
    allowed: "allowed", "允许";
    needs_review: "needs review", "须审核";
    refused: "refused", "拒绝";
    next_review: "It waits for your review. Without a decision in time, the buyer gets everything back.", "等待您审核。若未及时决定，买方收回全部款项。";
    next_fetch: "The buyer fetches the encrypted package and checks it; then the key has to be delivered.", "买方正在下载并核验加密的数据包；之后须交付密钥。";
    next_key: "The buyer holds the encrypted package and waits for its key. If the key is late, the price goes back with a compensation out of the bond.", "买方已持有加密的数据包，等待密钥。若密钥逾期，价款退回，并从保证金中补偿。";
    next_dispute: "The key is delivered. What is not as listed can be disputed until the time is over; then the price is paid.", "密钥已交付。与上架内容不符的，可在期满之前提出争议；之后付款。";
    next_paid: "It is finished, and the price was paid.", "已完成，价款已付。";
    next_ended: "It has ended without a sale.", "已终止，未成交。";
    review: "Review", "审核";
    review_note: "If you accept, the price stays in escrow, and once the buyer is ready the key has to be delivered within {}. If you refuse, the buyer gets everything back. Neither can be taken back.", "若接受，价款继续托管；买方就绪后，须在 {}内交付密钥。若拒绝，买方收回全部款项。两者均不可撤销。";
    public_decision: "That this institution accepted or refused the request, and when.", "本机构接受或拒绝了该申请，以及时间。";
    public_reason: "The reason, word for word.", "理由的原文。";
    public_nothing: "Nothing of who asks, which is not known. Purpose, price and what the clauses say are public already.", "不涉及申请人的身份，因为无人知道。用途、价格与条款的判定本已公开。";
    reason_label: "Reason, needed for a refusal", "理由（拒绝时必填）";
    reason_help: "For the buyer, in at most 500 letters (bytes of UTF-8); everybody can read it.", "写给买方，至多 500 字节，约 166 个汉字；所有人可见。";
    accept: "Sign: accept the request", "签署：接受申请";
    refuse: "Sign: refuse the request", "签署：拒绝申请";
    the_key: "The key", "密钥";
    agent_note: "delivers keys by itself, day and night. Here the key of this deal is delivered by hand.", "可昼夜自动交付密钥。此处手动交付本交易的密钥。";
    envelope_note: "What becomes public is an envelope that only this buyer can open, and the proof that the key of this package is in it.", "将公开的是只有该买方能打开的密钥信封，以及其中确有本数据包密钥的证明。";
    deliver: "Deliver the key now", "立即交付密钥";
    not_delivered: "Not delivered:", "未交付：";
    all_deals: "All deals", "全部交易";

    // Money.
    money: "Money", "资金";
    not_admitted: "This account is not admitted as an institution yet: a registrar admits", "此账户尚未获准为机构，须由登记方准入：";
    balance: "Balance", "余额";
    earned: "Earned from sales", "销售所得";
    free_bond: "Free part of the bond", "可用保证金";
    nothing: "nothing", "无";
    nothing_yet: "nothing yet", "暂无";
    movements: "Movements", "资金往来";
    movements_note: "{} movements; {} balances agree with the ledger’s state to the last cent.", "共 {} 笔往来；{} 项余额与账本状态分毫不差。";
    download: "Download the statement (CSV)", "下载账单（CSV）";
    time: "Time", "时间";
    for_what: "Why", "事由";
    amount: "Amount", "数额";
    other_party: "Other party", "对方";
    bond: "Bond", "保证金";
    bond_note: "Buyers whom you fail are compensated out of it; an institution needs one to sell.", "您对买方失约时，从中补偿买方；机构须有保证金才能出售。";
    into_bond: "Sign: into the bond", "签署：存入保证金";
    out_of_bond: "Sign: out of the bond", "签署：取出保证金";

    // What takes long.
    reading_bytes: "reading {} bytes", "读取 {} 字节";
    reading: "reading the table", "读取数据表";
    looking: "looking for what could name a person", "查找可能指认个人的内容";
    is_read: "The table is read.", "数据表已读取。";
    searching: "searching for the least loss with k = {}", "寻找 k = {} 时损失最小的方案";
    compared: "Compared.", "比较完成。";
    generalising: "generalising and suppressing", "泛化与隐去";
    encrypting: "encrypting", "加密";
    committing: "encrypting, and committing to every cell", "加密，并对每个单元格作出承诺";
    proving: "proving", "证明";
    proving_block: "proving: block {}, {}", "证明：行块 {}，{}";
    at_key: "reading the key", "读取密钥";
    at_commitment: "committing", "作出承诺";
    at_proof: "proving", "生成证明";
    at_openings: "opening", "打开承诺";
    at_check: "checking", "核对";
    blocks_proven: "{} row blocks are proven.", "已证明 {} 个行块。";
    checking: "checking every proof once more", "再次核对每个证明";
    drafted: "the draft is on the ledger", "草稿已登上账本";
    found_draft: "going on with a draft that is there", "接着已有的草稿继续";
    storing: "storing {}, {} encrypted or public bytes", "存储 {}，{} 字节加密或公开的内容";
    verifying: "the ledger verifies the proofs", "账本正在验证证明";
    not_live: "The dataset is not live yet: publish it once more.", "数据集尚未上架：请再次发布。";
    withdrawing: "withdrawing", "撤回";
    signing: "signing the decision", "签署决定";
    accepted: "Accepted", "已接受";
    has_refused: "Refused", "已拒绝";
    was_withdrawn: "Withdrawn", "已撤回";
    final_in: "{}: final in block {}, transaction {}", "{}：已在区块 {} 中确定，交易 {}";
    waiting_turn: "waiting until another key is delivered", "等待另一密钥交付完毕";
    proving_envelope: "proving that the envelope holds the key of this package", "证明信封中确有本数据包的密钥";
    sent_waiting: "sent; waiting for the ledger", "已发送；等待账本";
    key_delivered: "The key is delivered: the buyer can open the dataset.", "密钥已交付：买方可以打开数据集。";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loopback::words::tests::{both_languages, no_words_of_their_own};

    #[test]
    fn every_text_is_there_in_both_languages() {
        both_languages(ALL);
        no_words_of_their_own("src/console/pages", 11);
    }
}
