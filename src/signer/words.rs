//! Every text of the wallet's pages in both languages, and sentences that follow from credential, terms and
//! tier. The English ones are those of the command line, so that every program says the same. Depends on
//! the portal's languages and on the operations.

use galen_market::amount::Amount;
use galen_market::listing::{Seats, SubscriptionTerms, Tier};
use galen_market::terms::{ETHICS_BIT, NONPROFIT_BIT, Outcome, PurposeKind, Reason};
use galen_web::lang::{Lang, fill, sentences};

use crate::loopback::Said;
use crate::loopback::words::one;
use crate::operation::credential::{day_text, purpose_words};
use crate::operation::eligibility::{Obstacle, Reveal};
use crate::operation::tier;

galen_web::words! {
    wallet: "Galen wallet", "Galen 钱包";
    development: "Development ledger.", "开发用账本。";
    forgeable: "Anybody can forge proofs on it: good for trying out, and for nothing else.", "任何人都能在其上伪造证明：仅供试用，别无他用。";
    trying_out: "Good for trying out, and for nothing else.", "仅供试用，别无他用。";

    // The first page.
    overview: "Overview", "概览";
    your_wallet_on: "Your wallet on {}", "您在账本 {} 上的钱包";
    deals: "Deals", "交易";
    none_yet: "None yet.", "暂无。";
    see_qualify: "See the datasets for which you qualify", "查看您符合条件的数据集";
    or_follow: ", or follow a link from a dataset’s page.", "，或从数据集页面上的链接进入。";
    deal: "Deal", "交易";
    deal_n: "Deal {}", "交易 {}";
    package: "Package", "数据包";
    package_n: "Package {}", "数据包 {}";
    price: "Price", "价格";
    stage: "Stage", "阶段";
    not_on_ledger: "not on this ledger", "不在本账本上";
    credentials: "Credentials", "凭证";
    no_credentials: "None for this ledger. Apply for one with", "没有本账本的凭证。请用";
    no_credentials_end: ".", " 申请。";
    approves: "Approves", "批准的用途";
    country: "Country", "国家";
    good_until: "Good until", "有效期至";
    expired: "(expired)", "（已过期）";
    issuer: "Issuer", "签发方";
    accounts: "Accounts", "账户";
    accounts_note: "Use a new account for each deal: the gateway that filled an account knows whose it is.", "请为每笔交易使用新的账户：为账户注资的网关知道该账户属于谁。";
    account: "Account", "账户";
    holds: "Holds", "余额";
    nothing: "nothing", "无";

    // Datasets for which one qualifies.
    datasets_for_me: "Datasets for me", "适合我的数据集";
    qualify_heading: "Datasets for which you qualify", "您符合条件的数据集";
    qualify_note: "Judged on this machine from the public catalogue and your credentials, for the purposes that they approve. Nobody learns what you look at here: the node is asked for the whole catalogue.",
        "在本机根据公开目录和您的凭证，就凭证所批准的用途作出判断。无人得知您在此查看了什么：向节点索取的是整个目录。";
    none_listed: "No dataset is listed.", "没有上架的数据集。";
    for_purposes: " for {}", "，用途：{}";
    qualifies: "you qualify", "您符合条件";
    is_reviewed: "the institution reviews your request", "您的申请由机构审核";
    qualifies_not: "you do not qualify", "您不符合条件";

    // A purchase: what is asked.
    buy: "Buy {}", "购买 {}";
    what_for: "What for?", "用于什么？";
    the_terms: "The terms:", "条款：";
    purpose: "Purpose", "用途";
    diseases: "Diseases, as MONDO ids (for the purpose disease)", "疾病，以 MONDO 编号填写（用途为疾病研究时）";
    credential: "Credential", "凭证";
    credential_until: "{}, until {}", "{}，有效期至 {}";
    more: "Tier, named users, project, account", "档次、指名用户、项目、账户";
    tier: "Tier", "档次";
    only_tier: "the only one for the purpose", "适用于该用途的唯一档次";
    seats: "Named users (as many as the tier includes if empty)", "指名用户数（留空即为档次所含人数）";
    project: "The project’s title, which everybody can read", "项目名称（所有人可见）";
    which_account: "Which of your accounts pays", "由您的第几个账户付款";
    commercial: "The use is commercial", "属商业用途";
    undertake: "I undertake all that the terms ask for, which binds my licence", "我承诺条款要求的全部事项，这些承诺约束我的许可";
    see: "See whether I qualify", "查看我是否符合条件";
    yes: "Yes: {}", "可以：{}";
    no: "No: {}", "不可以：{}";

    // A purchase: what would be signed.
    would_sign: "What you would sign", "您将签署的内容";
    price_aside: "Price, put aside until it is settled", "价款，由账本托管，直至结清";
    fees_aside: "Put aside for fees; what is left comes back", "预留的手续费；余额退回";
    request_fee: "Fee of the request itself, which is not paid back, at most", "申请本身的手续费，至多如下，不予退还";
    paid_by: "Paid by", "付款账户";
    which_holds: ", which holds {}", "，余额 {}";
    seat: ": {}; for 1 named user", "：{}；本次 1 名指名用户";
    seats_n: ": {}; for {} named users", "：{}；本次 {} 名指名用户";
    purpose_public: "Purpose, as everybody can read it", "用途（所有人可见）";
    deadlines: "Deadlines", "期限";
    review_within: "The institution reviews your request within {}.", "机构须在 {}内审核您的申请。";
    ready_within: "You fetch the package and say so within, at least {}.", "您下载数据包并确认收到的时间，至少有 {}。";
    deliver_within: "The institution then delivers the key within {}.", "此后机构须在 {}内交付密钥。";
    dispute_within: "What is not as listed can be disputed for {}.", "与上架内容不符的，可在 {}内提出争议。";
    when_back: "When the money comes back", "何时退款";
    back_refused: "The institution refuses, or does not review in time: all of it.", "机构拒绝，或未及时审核：全额退回。";
    back_silent: "You do not say in time that the package is here: all of it, less fees.", "您未及时确认收到数据包：扣除手续费后退回。";
    back_late: "The key is late: all of it, and a compensation out of the institution’s bond.", "密钥逾期未交付：全额退回，另从机构的保证金中补偿。";
    back_dispute: "What you open is not what was listed, and you dispute it in time: all of it, and a compensation.", "打开的内容与上架内容不符，且您及时提出争议：全额退回，另有补偿。";
    back_else: "Otherwise the institution is paid when the time for disputes is over.", "除此之外，争议期满后向机构付款。";
    becomes_public: "What becomes public", "将公开的内容";
    public_account: "the account that pays; who filled it, knows whose it is", "付款账户；为其注资者知道它属于谁";
    the_licence: "The licence", "许可证";
    hash_signed: "Hash of terms, licence and tier that is signed:", "所签署的条款、许可证与档次的哈希值：";
    two_signed: "Two things are signed: the request, as above; and, when the encrypted package is here and every byte of it was checked, that it is here. With the second the deadline of the institution begins.",
        "共签署两项：一是上述申请；二是在加密数据包到达并逐字节核验之后，确认已经收到。自第二项签署起，机构的交付期限开始计算。";
    accept: "Accept the licence and request for {}", "接受许可证并以 {} 申请";
    too_little: "The account holds too little. Ask a gateway to fill it, or name another account above.", "账户余额不足。请让网关为其注资，或在上方改用其他账户。";

    // A request that is on its way.
    request: "Request", "申请";
    your_request: "Your request", "您的申请";
    your_wallet: "Your wallet", "您的钱包";

    // A deal.
    deal_at: "Deal {}: {}", "交易 {}：{}";
    requested: "requested", "已申请";
    agreed: "agreed", "已达成";
    package_here: "package here", "数据包已到";
    delivered: "key delivered", "密钥已交付";
    paid: "paid", "已付款";
    under_review: "under review", "审核中";
    waiting: "waiting for the key", "等待密钥";
    finished: "finished", "已完成";
    ended: "ended", "已终止";
    next_review: "The institution reviews the request; if it is late, the price comes back.", "机构正在审核申请；若逾期，价款退回。";
    next_fetch: "The package is fetched and checked; then the institution has to deliver the key.", "先下载并核验数据包；之后机构须交付密钥。";
    next_key: "If the institution is late, the price comes back with a compensation.", "若机构逾期，价款退回，另有补偿。";
    next_open: "Open the dataset. What is not as listed can be disputed until the time is over.", "请打开数据集。与上架内容不符的，可在期满之前提出争议。";
    next_paid: "The institution was paid, and the licence is yours.", "已向机构付款，许可归您所有。";
    next_refunded: "The price was paid back.", "价款已退回。";
    time_left: "Time left: {}.", "剩余时间：{}。";
    proceed: "Fetch the package, check it and say that it is here", "下载并核验数据包，确认收到";
    the_dataset: "The dataset", "数据集";
    is_in: "The dataset is in", "数据集位于";
    is_in_end: ".", "（本机）。";
    open_here: "Open the dataset on this machine", "在本机打开数据集";
    open_browser: "Open in this browser", "在此浏览器中打开";
    open_note: "Decrypts it here, and offers the files for saving.", "在此解密，并提供文件供您保存。";
    large: "It is too large for a browser’s tab. By the command line:", "数据集过大，浏览器标签页无法打开。请用命令行：";
    by_command: "Or by the command line, in the form that you like:", "或用命令行，按您需要的格式打开：";
    the_deal: "The deal", "交易详情";
    licence: "Licence", "许可";
    yours: "yours", "归您所有";
    revoked: "revoked: the price was paid back", "已撤销：价款已退回";
    as_files: "As files:", "下载文件：";
    receipt: "receipt", "回执";
    certificate: "licence certificate", "许可证书";
    certificate_note: ", which anybody can check without a node.", "（任何人无需节点即可核验）。";

    // Opening in the browser.
    opening: "Opening deal {}", "打开交易 {}";
    opened_in_browser: "Deal {}: opened in this browser", "交易 {}：在此浏览器中打开";
    opening_note: "This page takes the encrypted package from this machine, checks every segment against what was listed, and decrypts it with the key that you bought. Nothing is sent anywhere.",
        "本页从本机取得加密的数据包，将每一段与上架内容核对，并用您购得的密钥解密。不向任何地方发送任何内容。";
    needs_script: "This needs JavaScript. Without it:", "此页需要 JavaScript。如无法使用，请运行：";
    back: "Back to the deal", "返回交易";

    // What takes long.
    proving: "proving that your credential is good, not whose it is", "证明您的凭证有效，而不透露它属于谁";
    fetching: "fetching and checking the encrypted package", "下载并核验加密的数据包";
    requested_wait: "requested; the package is fetched when the institution has agreed", "已申请；机构同意后即可下载数据包";
    saying_here: "saying that the package is here and checked", "确认数据包已收到并核验";
    here_checked: "the package is here and checked; the institution has to deliver the key now", "数据包已收到并核验；现在机构须交付密钥";
    decrypting: "decrypting, and checking every commitment", "解密，并核对每个承诺";
    opened_in: "opened in {}", "已打开，位于 {}";

    // What a credential approves beside purposes.
    nonprofit: "nonprofit", "非营利";
    ethics: "ethics", "伦理批准";

    // What stands in the way, and what a request tells everybody.
    no_credential: "there is no credential here for this ledger", "此处没有本账本的凭证";
    expired_on: "the credential is good until {}", "凭证的有效期至 {}，已过期";
    stopped: "the institution takes no requests until it answers for a missed delivery", "该机构因漏交付，在处理之前不接受申请";
    closed: "the listing takes no requests", "该数据集不接受申请";
    tells_approval: "that one of up to 16 issuers approves its holder for: {}", "至多 16 个签发方中有一个批准持有者用于：{}";
    tells_purpose: "the purpose as it is declared, and what is undertaken", "所声明的用途与所作的承诺";
    tells_country: "that the holder works in {}", "持有者在 {} 工作";
    tells_countries: "that the holder works in one of {}", "持有者在以下国家之一工作：{}";
    tells_institution: "the institution at which the holder works", "持有者所在的机构";
    tells_project: "the project's title", "项目名称";

    // A tier.
    one_user: "one named user", "1 名指名用户";
    users: "{} named users", "{} 名指名用户";
    users_up_to: "{} named users, up to {} for {} each", "{} 名指名用户，最多 {} 名，每增一名 {}";
    licence_months: "licence of {} months", "许可期 {} 个月";
    subscription: "and {} for new versions of {} months", "另付 {} 可得 {} 个月的后续版本";
    for_kinds: "for {}", "适用于{}";
}

/// What a work says in either language: a text with values.
pub(super) fn said(text: fn(&Words) -> &'static str, values: &[&dyn std::fmt::Display]) -> Said {
    Said::new(|lang| fill(text(Words::of(lang)), values))
}

/// A kind of use as it is chosen.
pub(super) fn kind(lang: Lang, kind: PurposeKind) -> &'static str {
    match lang {
        Lang::English => kind.name(),
        Lang::Chinese => sentences::purpose_kind(lang, kind),
    }
}

/// What a credential approves.
pub(super) fn approved(lang: Lang, bits: u32) -> String {
    if lang == Lang::English {
        return purpose_words(bits);
    }
    let t = Words::of(lang);
    let kinds = PurposeKind::ALL.into_iter().filter(|kind| bits & kind.bit() != 0);
    let mut all: Vec<_> = kinds.map(|it| kind(lang, it)).collect();
    for (bit, text) in [(NONPROFIT_BIT, t.nonprofit), (ETHICS_BIT, t.ethics)] {
        if bits & bit != 0 {
            all.push(text);
        }
    }
    all.join("、")
}

/// Whether one qualifies.
pub(super) fn outcome(t: &Words, outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allowed => t.qualifies,
        Outcome::NeedsReview => t.is_reviewed,
        Outcome::Refused => t.qualifies_not,
    }
}

/// A clause in words, and what it said.
pub(super) fn reason(lang: Lang, reason: &Reason) -> String {
    let clause = sentences::clause(lang, &reason.clause);
    let finding = sentences::finding(lang, reason.finding);
    match lang {
        Lang::English => format!("{clause}: {finding}"),
        Lang::Chinese => format!("{clause}：{finding}"),
    }
}

/// What stands in the way beside the clauses.
pub(super) fn obstacle(lang: Lang, obstacle: &Obstacle) -> String {
    let t = Words::of(lang);
    match obstacle {
        Obstacle::NoCredential => t.no_credential.to_owned(),
        Obstacle::Expired(day) => one(t.expired_on, day_text(*day)),
        Obstacle::Stopped => t.stopped.to_owned(),
        Obstacle::Closed => t.closed.to_owned(),
    }
}

/// Something that a request tells everybody.
pub(super) fn reveal(lang: Lang, reveal: &Reveal) -> String {
    let t = Words::of(lang);
    match reveal {
        Reveal::Approval(bits) => one(t.tells_approval, approved(lang, *bits)),
        Reveal::Purpose => t.tells_purpose.to_owned(),
        Reveal::Countries(named) => match named.as_slice() {
            [single] => one(t.tells_country, single),
            many => one(t.tells_countries, many.join(", ")),
        },
        Reveal::Institution => t.tells_institution.to_owned(),
        Reveal::Project => t.tells_project.to_owned(),
    }
}

/// What a tier gives, with amounts as somebody writes them.
pub(super) fn tier(lang: Lang, of: &Tier, write: &dyn Fn(Amount) -> String) -> String {
    if lang == Lang::English {
        return tier::about(of, write);
    }
    let t = Words::of(lang);
    let currency = &of.price.currency;
    let money = |amount| format!("{} {currency}", write(amount));
    let Seats { included, extra, most } = of.seats;
    let mut parts = vec![money(of.price.amount)];
    parts.push(match (included, most) {
        (1, 1) => t.one_user.to_owned(),
        (included, most) if included == most => one(t.users, included),
        (included, most) => fill(t.users_up_to, &[&included, &most, &money(extra)]),
    });
    parts.push(one(t.licence_months, of.licence_months));
    if let Some(SubscriptionTerms { months, price }) = of.subscription {
        parts.push(fill(t.subscription, &[&money(price), &months]));
    }
    if !of.purposes.is_empty() {
        let kinds: Vec<_> = of.purposes.iter().map(|it| kind(lang, *it)).collect();
        parts.push(one(t.for_kinds, kinds.join("、")));
    }
    parts.join("，")
}

#[cfg(test)]
mod tests {
    use galen_market::listing::Tier;

    use super::*;
    use crate::loopback::words::tests::{both_languages, no_words_of_their_own};
    use crate::operation::tier::TierDescription;

    #[test]
    fn every_text_is_there_in_both_languages() {
        both_languages(ALL);
        no_words_of_their_own("src/signer/pages", 6);
    }

    #[test]
    fn the_wallet_says_in_english_what_the_command_line_says() {
        let english = Lang::English;
        let all = u32::MAX;
        assert_eq!(approved(Lang::Chinese, all).split('、').count(), 7);
        for it in
            [Obstacle::NoCredential, Obstacle::Expired(9), Obstacle::Stopped, Obstacle::Closed]
        {
            assert_eq!(obstacle(english, &it), it.to_string());
        }
        let countries = |named: &[&str]| {
            Reveal::Countries(named.iter().map(|name| (*name).to_owned()).collect())
        };
        for it in [
            Reveal::Approval(3),
            Reveal::Purpose,
            countries(&["DE"]),
            countries(&["DE", "AT"]),
            Reveal::Institution,
            Reveal::Project,
        ] {
            assert_eq!(reveal(english, &it), it.to_string());
        }
    }

    #[test]
    fn a_tier_has_all_of_its_numbers_in_chinese() {
        let described = TierDescription {
            purposes: vec!["health".to_owned(), "disease".to_owned()],
            seats: 2,
            extra_seat: Some("10 EUR".to_owned()),
            most_seats: Some(5),
            subscription: serde_json::from_str(r#"{"months": 6, "price": "60 EUR"}"#).ok(),
            ..TierDescription::simple("100 EUR".to_owned(), 12)
        };
        let of: Tier = described.tier().unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(
            tier(Lang::Chinese, &of, &|amount| amount.to_string()),
            "100 EUR，2 名指名用户，最多 5 名，每增一名 10 EUR，许可期 12 个月，\
             另付 60 EUR 可得 6 个月的后续版本，适用于健康研究、疾病研究"
        );
    }
}
