//! Sentences of the console that follow from a table, a listing or a deal. The English ones are those of the
//! command line. What an inspection found in a column is said in English where it speaks of that column.

use galen_dataset::inspect::Category;
use galen_dataset::roles::Role;
use galen_dataset::schema::Kind;
use galen_market::deal::Stage;
use galen_market::listing::{Listing, Standing};
use galen_market::payment::Reason;
use galen_market::terms::Outcome;
use galen_web::lang::{Lang, fill, sentences};
use galen_zk::keys::Step;

use super::Words;
use crate::loopback::Said;
use crate::loopback::words::one;
use crate::session::Done;

/// What a work says in either language: a text with values.
pub(in crate::console) fn said(
    text: fn(&Words) -> &'static str,
    values: &[&dyn std::fmt::Display],
) -> Said {
    Said::new(|lang| fill(text(Words::of(lang)), values))
}

/// That a transaction is final.
pub(in crate::console) fn sent(what: fn(&Words) -> &'static str, done: &Done) -> Said {
    Said::new(|lang| {
        let t = Words::of(lang);
        match (lang, done.height) {
            (Lang::Chinese, Some(height)) => {
                fill(t.final_in, &[&what(t), &height, &done.transaction])
            }
            _ => done.sentence(what(t)),
        }
    })
}

/// How far a proof is.
pub(in crate::console) fn step(t: &Words, step: Step) -> &'static str {
    match step {
        Step::Key => t.at_key,
        Step::Commitment => t.at_commitment,
        Step::Proof => t.at_proof,
        Step::Openings => t.at_openings,
        Step::Check => t.at_check,
    }
}

/// Where a listing stands.
pub(in crate::console) fn standing(t: &Words, listing: &Listing) -> String {
    let text = match listing.standing {
        Standing::Draft { proven, .. } => return fill(t.draft_of, &[&proven, &listing.blocks]),
        Standing::Live if listing.superseded_by.is_some() => t.live_newer,
        Standing::Live => t.live,
        Standing::Withdrawn => t.withdrawn,
        Standing::TakenDown => t.taken_down,
        Standing::Refunded { .. } => t.refunded,
    };
    text.to_owned()
}

/// Where a deal stands.
pub(in crate::console) fn stage(lang: Lang, stage: Stage) -> String {
    match lang {
        Lang::English => stage.to_string(),
        Lang::Chinese => sentences::stage(lang, stage).to_owned(),
    }
}

/// What clauses come to.
pub(in crate::console) fn outcome(t: &Words, outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allowed => t.allowed,
        Outcome::NeedsReview => t.needs_review,
        Outcome::Refused => t.refused,
    }
}

/// What a role means to whoever chooses one.
pub(in crate::console) fn role(t: &Words, role: Role) -> &'static str {
    match role {
        Role::Identifier => t.is_identifier,
        Role::Person => t.is_person,
        Role::QuasiIdentifier => t.is_quasi,
        Role::Sensitive => t.is_sensitive,
        Role::Insensitive => t.is_insensitive,
        Role::Drop => t.is_dropped,
    }
}

/// What the cells of a column are.
pub(in crate::console) fn kind(t: &Words, kind: Kind) -> String {
    match kind {
        Kind::Integer => t.whole_number.to_owned(),
        Kind::Decimal { scale, .. } => one(t.decimal_number, scale),
        Kind::Date => t.date.to_owned(),
        Kind::Text => t.text.to_owned(),
    }
}

/// What a finding is about.
pub(in crate::console) fn category(lang: Lang, category: Category) -> &'static str {
    if lang == Lang::English {
        return category.title();
    }
    match category {
        Category::Names => "姓名",
        Category::Geography => "小于州（省）一级的地理信息",
        Category::Dates => "精确度超过年的日期",
        Category::AgesOver89 => "89 岁以上的年龄",
        Category::Phone => "电话号码",
        Category::Fax => "传真号码",
        Category::Email => "电子邮件地址",
        Category::SocialSecurity => "社会保障号码",
        Category::MedicalRecord => "病历号",
        Category::HealthPlan => "医疗保险号",
        Category::Account => "账号",
        Category::Licence => "证照号码",
        Category::Vehicle => "车辆识别信息",
        Category::Device => "设备识别信息",
        Category::Url => "网址",
        Category::IpAddress => "IP 地址",
        Category::Biometric => "生物识别信息",
        Category::Photograph => "照片",
        Category::UniqueCode => "个人的唯一编号",
        Category::Derived => "会泄露另一列",
        Category::FreeText => "自由文本",
    }
}

/// What to do about a finding.
pub(in crate::console) fn advice(lang: Lang, category: Category) -> &'static str {
    if lang == Lang::English {
        return category.advice();
    }
    match category {
        Category::Geography => {
            "泛化到州（省）；或在居民超过 20,000 人之处保留邮政编码的前三位，否则记为 000"
        }
        Category::Dates => "泛化到年：设为准标识符，采用日期分组，从第 2 级起",
        Category::AgesOver89 => "记为 90+：设为准标识符，采用区间分组，上限 90",
        Category::UniqueCode => "删除；或设为“个人”角色，使 k 按人计数",
        Category::Derived => "删除；或同样予以泛化",
        Category::FreeText => "删除；或在离开之前由人逐条审读",
        _ => "删除：设为标识符",
    }
}

/// Why a column has its role, and whether that is in the language.
pub(in crate::console) fn reason(lang: Lang, english: &str) -> (String, bool) {
    const CHINESE: [(&str, &str); 5] = [
        ("set by hand", "手动设定"),
        ("others may know it of a person", "他人可能知道某人的此项信息"),
        ("its name says that it numbers persons", "其名称表明它为个人编号"),
        ("a finding about the person", "关于个人的检查结果"),
        ("nothing in it points to a person", "其中没有指向个人的内容"),
    ];
    if lang == Lang::English {
        return (english.to_owned(), true);
    }
    let found = CHINESE.iter().find(|(text, _)| *text == english).map(|(_, chinese)| *chinese);
    let found = found.or_else(|| {
        let of = CATEGORIES.iter().find(|category| category.title() == english)?;
        Some(category(lang, *of))
    });
    found.map_or_else(|| (english.to_owned(), false), |chinese| (chinese.to_owned(), true))
}

/// Every category of findings.
const CATEGORIES: [Category; 21] = [
    Category::Names,
    Category::Geography,
    Category::Dates,
    Category::AgesOver89,
    Category::Phone,
    Category::Fax,
    Category::Email,
    Category::SocialSecurity,
    Category::MedicalRecord,
    Category::HealthPlan,
    Category::Account,
    Category::Licence,
    Category::Vehicle,
    Category::Device,
    Category::Url,
    Category::IpAddress,
    Category::Biometric,
    Category::Photograph,
    Category::UniqueCode,
    Category::Derived,
    Category::FreeText,
];

/// Why money moved, by the words of a statement; none for what a statement says otherwise.
pub(in crate::console) fn moved(lang: Lang, english: &'static str) -> &'static str {
    if lang == Lang::English {
        return english;
    }
    let chinese = [
        (Reason::Minted, "网关发行"),
        (Reason::Burned, "网关销毁"),
        (Reason::Transfer, "转账"),
        (Reason::Fee, "手续费"),
        (Reason::BondDeposit, "存入保证金"),
        (Reason::BondWithdrawal, "取出保证金"),
        (Reason::BondHeld, "为交易锁定的保证金"),
        (Reason::BondReleased, "交易的保证金解锁"),
        (Reason::Compensation, "补偿"),
        (Reason::Escrow, "价款托管"),
        (Reason::Allowance, "交易预留的手续费"),
        (Reason::AllowanceReturned, "预留手续费的余额"),
        (Reason::Refund, "退款"),
        (Reason::Share, "价款份额"),
        (Reason::TermHeld, "为后续版本托管"),
        (Reason::Deposit, "草稿押金"),
        (Reason::DepositReturned, "草稿押金退还"),
        (Reason::Bonded, "质押生效"),
        (Reason::Unbonded, "质押解除"),
        (Reason::StakeReleased, "质押返还"),
        (Reason::Other, "转移"),
    ];
    let found = chinese.iter().find(|(reason, _)| reason.words() == english);
    found.map_or(english, |(_, chinese)| chinese)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::proving::step_name;

    #[test]
    fn the_console_says_in_english_what_the_command_line_says() {
        let t = Words::of(Lang::English);
        for it in [Step::Key, Step::Commitment, Step::Proof, Step::Openings, Step::Check] {
            assert_eq!(step(t, it), step_name(it));
        }
        for it in [Outcome::Allowed, Outcome::NeedsReview, Outcome::Refused] {
            assert_eq!(outcome(t, it), it.to_string());
        }
    }

    #[test]
    fn findings_and_reasons_are_said_in_chinese() {
        for it in CATEGORIES {
            assert_eq!(reason(Lang::Chinese, it.title()).0, category(Lang::Chinese, it));
            assert!(
                !category(Lang::Chinese, it).is_ascii() && !advice(Lang::Chinese, it).is_ascii()
            );
        }
        assert_eq!(reason(Lang::Chinese, "set by hand"), ("手动设定".to_owned(), true));
        assert_eq!(reason(Lang::Chinese, "5912 codes"), ("5912 codes".to_owned(), false));
        assert_eq!(moved(Lang::Chinese, Reason::Share.words()), "价款份额");
    }
}
