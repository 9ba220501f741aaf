//! Every text of the pages in every language: a text that lacks one does not compile. `{}` stands for a
//! value. Names of datasets, columns and institutions are shown as they are written.

words! {
    // The frame of every page.
    skip: "Skip to content", "跳到正文";
    nav_label: "Main", "主导航";
    datasets: "Datasets", "数据集";
    wanted: "Wanted", "求购";
    institutions: "Institutions", "机构";
    explorer: "Explorer", "账本浏览";
    search: "Search", "搜索";
    search_datasets: "Search datasets", "搜索数据集";
    search_hint: "Title, column, disease…", "标题、列名、疾病…";
    dev_ledger: "Development ledger.", "开发用账本。";
    dev_ledger_text: "Its proving parameters are forgeable: anybody can make false proofs. Good for trying out, and for nothing else.",
        "其证明参数可被伪造：任何人都能造出虚假的证明。仅供试用，别无他用。";
    as_of_block: "As of block {}", "截至区块 {}";
    status_json: "Status of this node, as JSON", "本节点状态（JSON）";
    all_datasets: "All datasets", "全部数据集";
    more: "More", "更多";

    // Errors.
    error_not_found: "There is nothing here", "这里什么也没有";
    error_bad: "This address does not ask for anything that can be answered", "此网址的请求无法处理";
    error_other: "The page cannot be shown now", "暂时无法显示此页";

    // The list of datasets.
    hero_title: "Research data with proofs you can check", "可自行核验证明的科研数据";
    hero_text: "Hospitals list de-identified tables and prove what they say of them: how many rows every combination of traits has, how varied sensitive columns are, and what every chart counts. The ledger has verified each proof; your own machine can verify it again.",
        "医院上架去标识化的数据表，并证明所述内容：每种特征组合有多少行、敏感列有多少种取值、每张图表的计数。账本已验证每个证明，您也可以在自己的机器上再次验证。";
    proven_rows: "Rows with proofs", "有证明的行数";
    blocks: "Blocks", "区块";
    filters: "Filters", "筛选";
    at_least: "At least", "至少";
    at_most: "At most", "至多";
    has: "Has", "包含";
    rows: "Rows", "行数";
    columns: "Columns", "列数";
    column: "Column", "列";
    disease: "Disease", "疾病";
    price: "Price", "价格";
    files: "Files", "文件";
    countries: "Countries", "国家";
    listed_on: "Listed", "上架日期";
    proven: "proven", "已证明";
    not_proven: "not proven", "未证明";
    declared: "declared", "自行声明";
    computed: "computed", "计算所得";
    apply: "Apply", "应用";
    remove: "remove", "移除";
    more_values: "and {} more", "另有 {} 项";
    sort_by: "Sort:", "排序：";
    sort_relevance: "relevance", "相关度";
    sort_newest: "newest", "最新";
    sort_price: "price", "价格";
    sort_rows: "rows", "行数";
    sort_k: "k", "k 值";
    active_filters: "Active filters", "已选条件";
    clear_all: "Clear all", "全部清除";
    nothing_fits: "No dataset is listed that fits.", "没有符合条件的数据集。";
    ask_for_it: "See what others ask for, and how to ask for what nobody lists yet", "看看他人在求购什么，以及如何求购尚无人上架的数据";
    found_one: "1 dataset", "1 个数据集";
    found_many: "{} datasets", "{} 个数据集";
    no_requests_now: "takes no requests now", "暂不接受申请";
    newer_listed: "a newer version is listed", "已有更新的版本";
    k_proven: "k ≥ {} proven", "k ≥ {}，已证明";
    l_proven: "l ≥ {} proven", "l ≥ {}，已证明";
    pages: "Pages of results", "结果分页";
    previous: "Previous", "上一页";
    next: "Next", "下一页";
    page_of: "Page {} of {}", "第 {} 页，共 {} 页";
    list_note: "k: every combination of quasi-identifiers occurs in at least k rows; l: every such combination has at least l values of each of some sensitive column; both by proofs that the ledger verified. Titles, diseases and countries are declared by the institutions, not proven.",
        "k：每种准标识符组合至少出现在 k 行中；l：每个这样的组合中，某一敏感列至少有 l 种取值；两者均由账本验证过的证明保证。标题、疾病与国家由机构自行声明，未经证明。";
    feed_of_search: "This search as an Atom feed", "以 Atom 订阅此搜索";
    text_is: "“{}”", "“{}” 相关";
    rows_at_least: "rows ≥ {}", "行数 ≥ {}";
    k_at_least: "k ≥ {}", "k 值 ≥ {}";
    l_at_least: "l ≥ {}", "l 值 ≥ {}";
    price_at_most: "price ≤ {}", "价格 ≤ {}";
    listed_within: "listed within {} days", "{} 天内上架";
    free: "free", "免费";
    kind: "Kind of data", "数据类型";
    kind_table: "tables", "数据表";
    kind_file: "files", "文件";
    kind_chart: "proven charts", "有证明的图表";
    kind_number: "columns of numbers", "数值列";
    kind_date: "columns of dates", "日期列";
    kind_code: "coded columns", "编码列";
    facet_rows: "Number of rows", "行数范围";
    facet_k: "Smallest group (k)", "最小分组（k）";
    facet_l: "Diversity (l)", "多样性（l）";
    facet_terms: "Use", "使用条款";
    facet_fresh: "Freshness", "上架时间";
    country: "Country", "国家";
    institution: "Institution", "机构";
    currency: "Currency", "币种";
    from_price: "from {}", "{} 起";
    package_n: "Package {}", "数据包 {}";

    // The page of a dataset.
    sections: "Sections of this page", "本页各节";
    tab_about: "About", "简介";
    tab_proven: "What is proven", "已证明的内容";
    tab_data: "Columns", "数据字典";
    tab_terms: "Terms", "条款";
    tab_versions: "Versions and history", "版本与历史";
    tab_use: "Use it", "使用";
    tab_cite: "Cite", "引用";
    tab_check: "Check it", "核验";
    standing: "Standing", "状态";
    standing_draft: "draft: not all row blocks are proven yet", "草稿：尚有行块未经证明";
    standing_live: "live", "在售";
    standing_withdrawn: "withdrawn: it takes no new requests", "已撤回：不再接受新的申请";
    standing_taken_down: "taken down by the registrars", "已被登记方下架";
    standing_refunded: "refunded: a dispute showed that the package is not what was listed", "已退款：争议表明数据包与上架内容不符";
    stopped_text: "takes no requests until a missed delivery is answered for", "因漏交付，在处理之前不接受申请";
    closed: "Closed.", "已关闭。";
    evidence_hash: "Hash of the evidence:", "证据的哈希值：";
    newer_version: "A newer version of this dataset is listed.", "此数据集已有更新的版本。";
    requests: "Requests", "申请";
    review_at_once: "decided by the ledger at once", "由账本立即决定";
    review_always: "reviewed by the institution", "由机构审核";
    review_some: "reviewed by the institution where a clause says so", "条款要求时由机构审核";
    declared_title: "Declared by the institution, not proven", "由机构声明，未经证明";
    no_description: "This node does not hold the description.", "本节点没有此数据集的说明。";
    diseases: "Diseases", "疾病";
    keywords: "Keywords", "关键词";
    verified_by_ledger: "Verified by the ledger, and open to anyone to verify again.", "账本已验证，任何人都可再次验证。";
    table_n: "Table {}", "数据表 {}";
    rows_in_blocks: "{} rows in {} row blocks.", "{} 行，分为 {} 个行块。";
    rows_in_block: "{} rows in 1 row block.", "{} 行，在 1 个行块中。";
    stated_only: "What follows is stated and not proven.", "以下内容为声明，未经证明。";
    stated_until_live: "What follows is stated and not proven as long as the listing is not live.", "在上架生效之前，以下内容为声明，未经证明。";
    persons: "persons", "个人";
    persons_row: "One row a person: declared by the institution, not proven.", "每人一行：由机构声明，未经证明。";
    persons_class: "At least k distinct persons in every such group: declared by the institution, not proven.", "每个分组至少有 k 个不同的人：由机构声明，未经证明。";
    persons_none: "This speaks of rows, not of persons.", "以上说的是行，而不是人。";
    columns_note: "Roles and bounds are fixed by the listing; what they mean is declared, not proven, and so is that values lie within the bounds where no chart says so.",
        "角色与取值范围在上架时已固定；其含义由机构声明，未经证明。没有图表证明的列，其值是否在范围内也只是声明。";
    role: "Role", "角色";
    values: "Values", "取值";
    missing: "Missing", "缺失";
    mean: "Mean", "均值";
    distribution: "Distribution", "分布";
    sample: "Sample", "样例";
    synthetic: "synthetic", "合成";
    sample_note: "No row is a person’s: every value is drawn for itself from the proven chart of its column, and no relation between columns is in it.", "没有一行属于真实的人：每个值都由其所在列已证明的图表独立抽取，不含列与列之间的任何关系。";
    sample_json: "More rows of it, as JSON", "更多样例行（JSON）";
    code_n: "code {}", "编码 {}";
    no_chart: "no proven chart", "无已证明的图表";
    role_quasi: "quasi-identifier", "准标识符";
    role_sensitive: "sensitive", "敏感";
    role_insensitive: "insensitive", "非敏感";
    numbers_from_to: "numbers from {} to {}", "数值，{} 至 {}";
    days_from_to: "days from {} to {}", "日期，{} 至 {}";
    one_code: "one code only", "仅一种编码";
    one_of_codes: "one of {} codes", "{} 种编码之一";
    chart_caption: "Rows by value of {}. Where the bins begin was chosen by the institution.", "{} 各取值的行数。各区间的起点由机构选定。";
    chart_alt: "Bar chart of {}: {}.", "{} 的柱状图：{}。";
    bin_rows: "{}: {} rows", "{}：{} 行";
    value: "Value", "值";
    as_table: "The same as a table", "以表格显示";
    each_by_itself: "What is proven holds for each table by itself; tables or files together carry none of it.", "以上证明只对每个数据表单独成立；对多个表或文件的组合不成立。";
    files_note: "Unchanged since listing; nothing else is proven of them.", "自上架以来未曾改动；除此之外没有任何证明。";
    bytes_n: "{} bytes", "{} 字节";
    not_truth: "No proof says that the records are true. That rests on the institution’s name.", "没有证明能说明记录属实；这取决于机构的信誉。";
    deident: "De-identification", "去标识化";
    deident_note: "The risks are computed from k and speak of rows as persons; they are not proven. What was done to the rows is declared.", "风险由 k 算出，并把每行视为一人；未经证明。对各行所做的处理由机构声明。";
    risk_prosecutor: "Prosecutor: highest risk that somebody known to be in the table is found", "检察官模型：已知在表中的人被认出的最高风险";
    risk_marketer: "Marketer: share of the rows that could be traced, at most", "营销者模型：可被追溯的行所占比例的上限";
    rows_source: "Rows of the source", "原始行数";
    rows_suppressed: "Rows suppressed", "隐去的行数";
    terms_note: "The ledger compares a request with these clauses, on what the buyer’s credential proves, and records which clause decided.",
        "账本将申请与这些条款逐一比对，以买方凭证所证明的内容为准，并记录由哪一条款作出决定。";
    licence_text: "Text of the licence", "许可证全文";
    odrl: "Terms as an ODRL policy", "条款（ODRL 格式）";
    waiting_requests: "Requests that wait for a review", "待审核的申请";
    eligible_note: "Whether you qualify, your own machine says, and tells nobody:", "您是否符合条件，由您自己的机器判断，不会告诉任何人：";
    tiers_note: "The ledger computes the price of a request from its tier and number of named users.", "账本根据档次和指名用户数计算申请的价格。";
    tier: "Tier", "档次";
    tier_for: "For", "适用";
    licence: "Licence", "许可期";
    named_users: "Named users", "指名用户";
    new_versions: "New versions", "后续版本";
    months_n: "{} months", "{} 个月";
    all_permitted: "all that the clauses permit", "条款允许的全部用途";
    seats_up_to: "{}; up to {} for {} each", "{}；最多 {}，每增一名 {}";
    subscription_n: "{} for {} months", "{}，{} 个月";
    not_included: "not included", "不含";
    buy_note: "The price waits in escrow. It comes back if the key is late or the data are not what was listed.", "价款由账本托管；若密钥逾期未交付或数据与上架内容不符，价款退回。";
    buy_wallet: "See whether you qualify, and buy, in your wallet on this machine", "在本机钱包中查看是否符合条件并购买";
    buy_wallet_note: "Needs `galen wallet serve` to run here. It shows what it signs; this site learns nothing from it.", "需要先在本机运行 `galen wallet serve`。钱包会显示所签署的内容；本网站无从得知其结果。";
    buy_command: "Request it with your own wallet:", "用您自己的钱包申请：";
    licences_sold: "Licences", "已售许可";
    sold_of: "{} of {}", "已售 {}，共 {}";
    older_version: "The version before", "上一个版本";
    version: "Version of the offer", "报价版本";
    derived_from: "Derived from", "源自";
    royalty_of: "{} of every price goes to it", "每笔价款的 {} 归它";
    royalty_owed: "Packages derived from this one owe it {} of their prices.", "由此派生的数据包须将价款的 {} 付给它。";
    step_declared: "Declared, not proven:", "声明，未经证明：";
    lineage: "Lineage", "谱系";
    lineage_note: "As the institutions say; what was done in between is declared, not proven.", "以机构所述为准；其间所做的处理为声明，未经证明。";
    newer_of: "Newer version of", "较新版本，前一版为";
    superseded_by: "Superseded by", "已被取代，新版为";
    source_of: "Source of", "派生出";
    whole_lineage: "The whole lineage, as JSON", "完整谱系（JSON）";
    licences_over_time: "Licences issued over time", "历次颁发的许可";
    licences_alt: "Licences by month: {}.", "每月许可数：{}。";
    history: "History", "历史";
    history_note: "The latest first. Each entry can be proven against a header that the validators signed.", "最新的在前。每一条都能对照验证者签署的区块头加以证明。";
    block: "Block", "区块";
    time: "Time", "时间";
    what_happened: "What happened", "事件";
    there_is_more: "There is more:", "还有更多：";
    all_as_json: "all of it, as JSON", "全部内容（JSON）";
    derived_listed: "a dataset that comes from this one was listed", "由此派生的数据集已上架";
    check_note: "Nobody has to trust this site: these commands fetch every proof and verify it on your machine.", "无需信任本站：以下命令会取得每个证明，并在您的机器上验证。";
    hashes: "Hashes to compare", "用于比对的哈希值";
    package: "Package", "数据包";
    tier_hash: "Hash of terms and tier {}", "条款与档次 {} 的哈希值";
    licence_hash: "Hash of the licence text", "许可证文本的哈希值";
    root_of: "Root of the {} leaves", "{} 个叶子的根";
    key_commitment: "Key commitment", "密钥承诺";
    manifest_hash: "Hash of the manifest", "清单的哈希值";
    state_root: "State root", "状态根";
    serves_none: "This node serves no part of the package.", "本节点不提供此数据包的任何部分。";
    serves: "This node serves:", "本节点提供：";
    everything_json: "Everything the ledger knows, as JSON", "账本所知的一切（JSON）";
    use_note: "After the purchase. DEAL is the number that the request shows.", "购买之后使用。DEAL 是申请时显示的编号。";
    cite_note: "Made from what the listing says; the package’s id names exactly these bytes.", "根据上架信息生成；数据包编号唯一指向这些字节。";
    download_bibtex: "BibTeX file", "BibTeX 文件";
    download_ris: "RIS file", "RIS 文件";

    // The page of reviews.
    review_title: "Requests that wait for a review", "等待审核的申请";
    no_request_waits: "No request waits.", "没有等待审核的申请。";
    deal_n: "Deal {}", "交易 {}";
    dataset: "Dataset", "数据集";
    purpose: "Purpose", "用途";
    time_left: "Time left", "剩余时间";
    left_then_returns: "{} h {} min of the ledger’s up-time; then the price returns", "账本运行时间 {} 小时 {} 分钟；其后价款退回";
    review_note: "Purpose and project are what the buyer declares, and bind the licence; what is proven is said so.", "用途与项目由买方声明，并约束许可；已证明的内容会注明。";

    // The page of what is wanted.
    wanted_title: "Wanted datasets", "求购的数据集";
    wanted_text: "Accredited researchers ask for these, with the money in escrow. The ledger matches a request to the first listing that has all of it, at the listing’s own price.",
        "经认证的研究者求购以下数据，款项已由账本托管。账本把求购与第一个全部满足的数据集匹配，价格以该数据集的报价为准。";
    nobody_waits: "Nobody waits for a dataset now.", "目前无人求购数据集。";
    request_n: "Request {}", "求购 {}";
    max_price: "Highest price", "最高价格";
    any: "any", "不限";
    left_days: "{} d {} h of the ledger’s up-time", "账本运行时间 {} 天 {} 小时";
    any_package: "any package", "任何数据包";
    wanted_note: "Proven: decided from what a listing’s proofs showed. Declared: from what the institution states on the ledger with its offer, and nobody proved.",
        "已证明：依据上架证明所表明的内容判定。自行声明：依据机构在账本上的陈述，无人证明。";

    // Institutions.
    institutions_text: "Admitted by the registrars of this ledger. What they declare rests on their names; what is proven rests on nobody.", "由本账本的登记方准入。其声明以机构信誉为凭；已证明的内容不依赖任何人。";
    no_institutions: "No institution is admitted yet.", "尚无获准的机构。";
    account: "Account", "账户";
    state: "State", "状态";
    active: "active", "有效";
    suspended: "suspended", "已暂停";
    listed_datasets: "Listed datasets", "上架的数据集";

    // The explorer.
    explorer_text: "Everything that this ledger has decided, block by block. A validator’s signature stands behind each; any entry can be proven from the genesis.", "本账本所决定的一切，逐块可查。每个区块都有验证者的签名；任何条目都能从创世区块起证明。";
    explorer_search: "Height, transaction, account, deal or package", "区块高度、交易、账户、买卖或数据包";
    latest_blocks: "Latest blocks", "最新区块";
    transactions: "Transactions", "交易";
    events: "Events", "事件列表";
    block_n: "Block {}", "区块 {}";
    proposer: "Proposer", "提议者";
    no_events: "Nothing happened in this block.", "此区块中没有事件。";
    transaction_n: "Transaction {}", "交易 {}";
    found_in_block: "Decided in", "所在区块";
    action: "Action", "操作";
    raw_json: "Raw JSON", "原始 JSON";
    balances: "Balances", "余额";
    bond: "Free bond", "可用保证金";
    nonce: "Next nonce", "下一个序号";
    registered_as: "Registered as", "登记身份";
    nothing_found: "The ledger knows nothing of this name.", "账本中没有此名称。";
    movements_json: "Movements of money, as JSON", "资金往来（JSON）";
    issuers: "Issuers", "签发方";
    credentials_live: "Live credentials", "有效凭证";
    validators: "Validators", "验证者";
    stake: "Stake", "质押";
    share: "Share", "占比";
    votes: "Votes", "投票";
    votes_more: "Validators and their votes", "验证者及其投票";
    votes_note: "Votes are counted in the certificates of the last {} blocks.", "投票数取自最近 {} 个区块的证书。";
    votes_limit: "A certificate needs the votes of more than two thirds of the stake and no more: a vote that is not in it may have been cast.", "证书只需超过三分之二质押的投票；未计入证书的投票也可能已经投出。";
    consensus_key: "Key of its votes", "投票密钥";
    proposed: "Proposed", "提议数";
    last_vote: "Last vote in block", "最近投票的区块";
    signed_by: "Signed by {} of {} stake, in round {}.", "签署的质押为 {}，共 {}，第 {} 轮。";
    header_json: "Header with certificate, as JSON", "区块头与证书（JSON）";
    supply: "Supply", "供应量";
    supply_more: "Supply, and where it lies", "供应量及其分布";
    supply_text: "Every unit lies in one purse that everybody can see, and moves from purse to purse only. There is no hidden pool.", "每一单位都在一个人人可见的钱袋中，且只能在钱袋之间移动。不存在隐藏的资金池。";
    outstanding: "In existence", "现存";
    minted: "Ever made", "累计发行";
    burned: "Ever destroyed", "累计销毁";
    purse: "Where", "所在";
    purses: "Purses", "钱袋数";
    amount: "Amount", "数额";
    adds_up: "The purses hold exactly what exists.", "各钱袋之和与现存数额一致。";
    adds_up_not: "The purses do not hold what exists: do not trust this node.", "各钱袋之和与现存数额不符：请勿信任本节点。";
    too_many_purses: "There are too many purses to add them up here.", "钱袋过多，此处不作合计。";
    purse_accounts: "Accounts", "账户";
    purse_escrow: "Prices in escrow for deals", "交易托管的价款";
    purse_allowances: "Fees that deals put aside", "交易预留的费用";
    purse_subscriptions: "Subscriptions", "订阅";
    purse_standing: "Standing requests", "求购";
    purse_bonds: "Free bonds", "可用保证金";
    purse_held_bonds: "Bonds held for deals", "为交易锁定的保证金";
    purse_deposits: "Deposits of listings", "上架押金";
    purse_stake: "Stake that votes", "参与投票的质押";
    purse_unbonding: "Stake that leaves", "正在解押的质押";
    purse_fees: "Fees", "手续费";
    buyer_unknown: "Who buys is not on the ledger: the keys of a deal are made for it alone.", "账本上没有买方身份：每笔交易的密钥只为该交易生成。";
    requested_at: "Requested", "申请时间";
    left_uptime: "{} h {} min of the ledger’s up-time", "账本运行时间 {} 小时 {} 分钟";
    from_until: "{} to {}", "{} 至 {}";
    in_force: "in force", "有效";
    not_in_force: "not in force", "无效";
    receipt_json: "Receipt, as JSON", "回执（JSON）";
    licence_json: "Licence, as JSON", "许可（JSON）";
    proof_download: "Proof to keep, as JSON", "下载证明（JSON）";
    proof_note: "The proof shows these entries in the state root of a header that the validators signed; it can be checked without this site.", "该证明表明这些条目位于验证者所签区块头的状态根中；无需本站即可核验。";
    event_proof: "proof", "证明";
    size: "Size", "大小";
    expires: "Expires", "失效时间";
    expiry_of_deal: "with its deal’s deadline", "随交易期限";
    fee: "Fee", "手续费用";
    payer: "Paid by", "付费方";
    signer: "Signed by", "签名方";
    nonce_n: "nonce {}", "序号 {}";
    deal_key: "Signed by the one-time key", "一次性密钥签名";
    credential_shown: "Shows a credential; its nullifier", "出示凭证；其作废标识";
    whole_json: "The whole transaction, as JSON", "完整交易（JSON）";
    whole_bytes: "Its bytes", "原始字节";
    more_in_json: "More fields are in the JSON.", "更多字段见 JSON 文件。";
    actions_json: "Actions as JSON", "操作（JSON）";
    raw_bytes: "Bytes, in hexadecimal digits", "字节（十六进制）";
    // The interface for programs.
    interface: "Interface", "接口";
    interface_text: "What this node answers to programs.", "本节点对程序的答复。";
    interface_document: "The same as an OpenAPI 3.1 document, for tools that make clients.", "同样内容的 OpenAPI 3.1 文档，供生成客户端的工具使用。";
    interface_names: "Names are lower-case hexadecimal digits, times are milliseconds since 1970, and what is not granted has a code that stays the same, a message and often a remedy. Every answer says in RateLimit what is left to its asker, if the node has limits; a refusal for that reason has the status 429 and says in Retry-After when to come back.",
        "名称为小写十六进制数字，时间为自 1970 年起的毫秒数；被拒绝的请求带有不变的代码（code）、说明（message），通常还有补救办法（remedy）。若节点设有限额，每个答复都在 RateLimit 中说明请求方的余量；因此被拒绝时状态码为 429，并在 Retry-After 中说明何时再来。";
    method: "Method", "方法";
    path: "Path", "路径";
    answer: "Answer", "答复";
    query: "Query", "查询参数";
    needed: "needed", "必填";
    live_on: "Live: follows the ledger.", "实时：随账本更新。";
    live_off: "Paused.", "已暂停。";
    live_pause: "Pause", "暂停";
    live_resume: "Go on", "继续";
}

impl Words {
    /// A kind of data by its name in addresses.
    pub fn kind_name(&self, kind: &str) -> Option<&'static str> {
        Some(match kind {
            "table" => self.kind_table,
            "file" => self.kind_file,
            "chart" => self.kind_chart,
            "number" => self.kind_number,
            "date" => self.kind_date,
            "code" => self.kind_code,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests;
