//! Sentences whose words follow from the ledger: what is proven, clauses, purposes, what happened. The
//! English ones are those of `galen-api`, so that every program says the same; the Chinese ones say
//! exactly that and nothing more.

use galen_api::words;
use galen_market::deal::Stage;
use galen_market::event::Event;
use galen_market::layout::{Column, Layout, Table, Values};
use galen_market::listing::{Chart, TableClaims};
use galen_market::terms::duo::{self, Code};
use galen_market::terms::{Clause, Finding, Purpose, PurposeKind};
use galen_market::wanted::{ColumnWanted, Wanted, Within};

use super::Lang;

fn group(table: &Table) -> String {
    let columns = table.quasi_identifiers();
    let names = columns.into_iter().filter_map(|at| table.columns.get(at as usize));
    names.map(|column| column.name.as_str()).collect::<Vec<_>>().join("、")
}

/// What k says.
#[must_use]
pub fn k_anonymity(lang: Lang, table: &Table, claims: &TableClaims) -> String {
    match lang {
        Lang::English => words::k_anonymity(table, claims),
        Lang::Chinese => format!(
            "在数据表 {} 中，凡 {} 取值相同的各行构成一组，每组至少有 {} 行。缺失值视为一个单独的取值。",
            table.name,
            group(table),
            claims.k
        ),
    }
}

/// What each l says.
#[must_use]
pub fn diversity(lang: Lang, table: &Table, claims: &TableClaims) -> Vec<String> {
    if lang == Lang::English {
        return words::diversity(table, claims);
    }
    let each = claims.diversity.iter().filter_map(|claim| {
        let column = table.columns.get(claim.column as usize)?;
        Some(format!(
            "凡 {} 取值相同的各行构成一组，每组中 {} 至少有 {} 种不同的值；缺失值不计入。",
            group(table),
            column.name,
            claim.l
        ))
    });
    each.collect()
}

/// What a chart proves.
#[must_use]
pub fn chart(lang: Lang, layout: &Layout, column: &Column, chart: &Chart, english: &str) -> String {
    if lang == Lang::English {
        return english.to_owned();
    }
    let (low, high) = bounds(layout, column);
    let bounds = match &column.values {
        Values::Code { .. } => "为其编码表中的一种编码".to_owned(),
        _ => format!("在 {} 至 {} 之间", words::value(column, low), words::value(column, high)),
    };
    format!(
        "{} 的每个值或缺失，或{bounds}；共有 {} 个值，{} 个缺失，图中的计数涵盖所有行。",
        column.name, chart.totals.count, chart.totals.missing
    )
}

/// The least and the greatest value that a column may have; positions for codes.
fn bounds(layout: &Layout, column: &Column) -> (i64, i64) {
    match &column.values {
        Values::Number { range, .. } | Values::Date { range } => (range.low, range.high),
        Values::Code { dictionary } => {
            let found = layout.dictionaries().get(*dictionary as usize);
            let entries = found.map_or(0, |dictionary| dictionary.entries());
            (0, i64::try_from(entries).unwrap_or(i64::MAX).saturating_sub(1))
        }
    }
}

/// The bins of a chart in words, with their rows; the last bins of all, without a value, are left out.
#[must_use]
pub fn bins(lang: Lang, layout: &Layout, column: &Column, chart: &Chart) -> Vec<(String, u64)> {
    let (low, high) = bounds(layout, column);
    let starts = [low].into_iter().chain(column.edges.iter().copied());
    let ends = column.edges.iter().map(|edge| edge.saturating_sub(1)).chain([high]);
    let named = starts.zip(ends).zip(chart.totals.bins).map(|((from, to), rows)| {
        let text = match (&column.values, lang) {
            (Values::Code { .. }, _) => {
                let (from, to) = (from.saturating_add(1), to.saturating_add(1));
                match lang {
                    Lang::English if from == to => format!("code {from}"),
                    Lang::English => format!("codes {from} to {to}"),
                    Lang::Chinese if from == to => format!("编码 {from}"),
                    Lang::Chinese => format!("编码 {from} 至 {to}"),
                }
            }
            _ if from == to => words::value(column, from),
            (_, Lang::English) => {
                format!("{} to {}", words::value(column, from), words::value(column, to))
            }
            (_, Lang::Chinese) => {
                format!("{} 至 {}", words::value(column, from), words::value(column, to))
            }
        };
        (text, rows)
    });
    named.collect()
}

/// What a code says.
#[must_use]
pub fn code(lang: Lang, code: Code) -> String {
    let Some(entry) = code.entry() else {
        return match lang {
            Lang::English => "unknown clause".to_owned(),
            Lang::Chinese => "未知条款".to_owned(),
        };
    };
    if lang == Lang::English {
        return entry.name.to_owned();
    }
    let name = match code {
        duo::NRES => "使用不受限制",
        duo::GRU => "可用于一般研究",
        duo::HMB => "健康、医学或生物医学研究",
        duo::DS => "特定疾病的研究",
        duo::POA => "仅限人群起源或祖源研究",
        duo::CC => "也可用于临床诊疗",
        duo::RS => "特定研究方面的限制",
        duo::NMDS => "不得用于方法开发",
        duo::GSO => "仅限遗传学研究",
        duo::NPUNCU => "仅限非营利组织且仅作非商业用途",
        duo::PUB => "须发表研究结果",
        duo::COL => "须与原研究者合作",
        duo::IRB => "须经伦理审查批准",
        duo::GS => "仅限在以下国家使用",
        duo::MOR => "在此日期前不得发表",
        duo::TS => "使用期限最多的月数",
        duo::US => "仅限经批准的用户",
        duo::PS => "仅限经批准的项目",
        duo::IS => "仅限经批准的机构",
        duo::RTN => "派生数据须交还机构",
        duo::NPOA => "不得用于人群起源或祖源研究",
        duo::NPU => "仅限非营利组织",
        duo::NCU => "仅作非商业用途",
        duo::NRI => "不得重新识别个人",
        _ => entry.name,
    };
    name.to_owned()
}

/// What a clause says.
#[must_use]
pub fn clause(lang: Lang, clause: &Clause) -> String {
    let name = code(lang, clause.code);
    match (&clause.parameter, lang) {
        (None, _) => name,
        (Some(parameter), Lang::English) => format!("{name}: {parameter}"),
        (Some(parameter), Lang::Chinese) => format!("{name}：{parameter}"),
    }
}

/// A kind of use.
#[must_use]
pub fn purpose_kind(lang: Lang, kind: PurposeKind) -> &'static str {
    match (lang, kind) {
        (Lang::English, PurposeKind::General) => "general research",
        (Lang::English, PurposeKind::Health) => "health research",
        (Lang::English, PurposeKind::Disease) => "research into diseases",
        (Lang::English, PurposeKind::Ancestry) => "research on population origins or ancestry",
        (Lang::English, PurposeKind::ClinicalCare) => "clinical care",
        (Lang::Chinese, PurposeKind::General) => "一般研究",
        (Lang::Chinese, PurposeKind::Health) => "健康研究",
        (Lang::Chinese, PurposeKind::Disease) => "疾病研究",
        (Lang::Chinese, PurposeKind::Ancestry) => "人群起源或祖源研究",
        (Lang::Chinese, PurposeKind::ClinicalCare) => "临床诊疗",
    }
}

/// What a clause says of a request.
#[must_use]
pub fn finding(lang: Lang, finding: Finding) -> String {
    if lang == Lang::English {
        return finding.to_string();
    }
    let said = match finding {
        Finding::Permits => "允许该用途",
        Finding::OtherPurpose => "只允许其他用途",
        Finding::OtherDisease => "只允许其他疾病",
        Finding::PurposeNotProven => "允许该用途，但凭证未能证明",
        Finding::Proven => "已由凭证证明",
        Finding::NotProven => "凭证未能证明",
        Finding::Declared => "由买方声明，并约束许可",
        Finding::DeclaredOtherwise => "与买方的声明相反",
        Finding::Undertaken => "买方已承诺",
        Finding::NotUndertaken => "买方未承诺",
        Finding::ByLicence => "许可会按时到期，因而满足",
        Finding::ForReview => "由机构审核",
        Finding::NoProject => "需要项目名称，而申请未填写",
        Finding::Unknown => "本账本不认识此条款",
    };
    said.to_owned()
}

/// Where a deal stands.
#[must_use]
pub fn stage(lang: Lang, stage: Stage) -> &'static str {
    match (lang, stage) {
        (Lang::English, Stage::Requested) => "requested: the institution reviews it",
        (Lang::English, Stage::Agreed) => "agreed: the price is in escrow",
        (Lang::English, Stage::Ready) => "ready: the buyer waits for the key",
        (Lang::English, Stage::Verified) => "delivered: a dispute is still possible",
        (Lang::English, Stage::Finalized) => "finalized: paid",
        (Lang::English, Stage::Terminated) => "terminated: refunded",
        (Lang::Chinese, Stage::Requested) => "已申请：机构审核中",
        (Lang::Chinese, Stage::Agreed) => "已达成：价款已托管",
        (Lang::Chinese, Stage::Ready) => "已就绪：买方等待密钥",
        (Lang::Chinese, Stage::Verified) => "已交付：仍可提出争议",
        (Lang::Chinese, Stage::Finalized) => "已完成：已付款",
        (Lang::Chinese, Stage::Terminated) => "已终止：已退款",
    }
}

/// A purpose with everything that is declared and undertaken.
#[must_use]
pub fn purpose(lang: Lang, purpose: &Purpose) -> String {
    if lang == Lang::English {
        return words::purpose(purpose);
    }
    let mut all = vec![purpose_kind(lang, purpose.kind).to_owned()];
    all.extend(purpose.diseases.iter().map(ToString::to_string));
    let promised = &purpose.undertakings;
    let facts = [
        (purpose.commercial, "商业用途"),
        (purpose.methods, "方法开发"),
        (purpose.genetic, "遗传学研究"),
        (promised.publication, "承诺发表结果"),
        (promised.collaboration, "承诺合作"),
        (promised.return_of_results, "承诺交还派生数据"),
        (promised.no_reidentification, "承诺不识别任何人"),
    ];
    all.extend(facts.iter().filter(|fact| fact.0).map(|fact| fact.1.to_owned()));
    if let Some(day) = promised.moratorium {
        all.push(format!("承诺在 {day} 之前不发表"));
    }
    if !purpose.project.as_str().is_empty() {
        all.push(format!("项目“{}”", purpose.project));
    }
    all.join("，")
}

/// What a standing request wants: whether it is proven of a listing, and what.
pub(crate) fn wanted(lang: Lang, wanted: &Wanted) -> Vec<(bool, String)> {
    if lang == Lang::English {
        let all = words::wanted(wanted).into_iter();
        return all.map(|(how, what)| (how == "proven", what)).collect();
    }
    let mut all: Vec<_> =
        wanted.diseases.iter().map(|disease| (false, format!("关于 {disease}"))).collect();
    let Some(table) = &wanted.table else { return all };
    if table.rows > 0 {
        all.push((true, format!("至少 {} 行的数据表", table.rows)));
    }
    if table.k > 0 {
        all.push((true, format!("k 至少为 {}", table.k)));
    }
    for ColumnWanted { column, l, within, values } in &table.columns {
        all.push((false, format!("有 {column}")));
        if let Some(l) = l {
            all.push((true, format!("{column}：每组至少有 {l} 种不同的值")));
        }
        if let Some(values) = values {
            all.push((true, format!("{column}：至少有 {values} 个值")));
        }
        match *within {
            Some(Within::Numbers { scale, low, high }) => {
                let [low, high] = [low, high].map(|value| words::decimal(value, scale.into()));
                all.push((true, format!("{column}：所有值在 {low} 至 {high} 之间")));
            }
            Some(Within::Days { low, high }) => {
                let [low, high] = [low, high]
                    .map(|day| galen_market::date::render(day).unwrap_or_else(|| day.to_string()));
                all.push((true, format!("{column}：所有日期在 {low} 至 {high} 之间")));
            }
            None => {}
        }
    }
    all
}

/// What happened, and whether the sentence is in the language; what the pages of a dataset show always
/// is.
pub(crate) fn event(lang: Lang, event: &Event) -> (String, bool) {
    let english = || galen_api::story::sentence(event);
    if lang == Lang::English {
        return (english(), true);
    }
    let said = match event {
        Event::ListingDrafted { blocks, .. } => format!("已起草，有 {blocks} 个行块待证明"),
        Event::BlockProven { table, block, .. } => format!("数据表 {table} 的行块 {block} 已证明"),
        Event::ListingLive { version: 1, .. } => "已上架：所声明的一切均已证明".to_owned(),
        Event::ListingLive { version, .. } => format!("重新报价，版本 {version}"),
        Event::ListingWithdrawn { reason, .. } => format!("机构撤回：“{reason}”"),
        Event::ListingTakenDown { reason, evidence, .. } => {
            format!("登记方下架：“{reason}”（证据 {evidence}）")
        }
        Event::ListingSuperseded { by, .. } => format!("已被新版本 {by} 取代"),
        Event::DraftExpired { .. } => "草稿未及时证明，已删除".to_owned(),
        Event::ListingsStopped { deal, .. } => format!("交易 {deal} 未交付：该机构暂不接受申请"),
        Event::ListingsResumed { institution } => format!("{institution} 恢复接受申请"),
        Event::PackageRefunded { deal, segment, .. } => {
            format!("永久关闭：交易 {deal} 表明第 {segment} 段与上架内容不符")
        }
        Event::DealAgreed { .. } => "双方达成一致：价款已托管".to_owned(),
        Event::DealReady { .. } => "买方已持有数据包，等待密钥".to_owned(),
        Event::DealDelivered { .. } => "密钥已交付".to_owned(),
        Event::DealFinalized { .. } => "已完成付款".to_owned(),
        Event::LicenceIssued { deal, until_ms } => {
            format!("交易 {deal} 的许可已颁发，有效期至 {}", galen_api::story::instant(*until_ms))
        }
        Event::LicenceRevoked { deal } => format!("交易 {deal} 的许可已撤销"),
        Event::DisputeUpheld { deal, segment, .. } => {
            format!("交易 {deal} 的争议成立：第 {segment} 段与上架内容不符")
        }
        _ => return (english(), false),
    };
    (said, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_translated() {
        for entry in duo::CODES {
            let chinese = code(Lang::Chinese, entry.code);
            assert!(!chinese.is_ascii(), "{}: {chinese}", entry.short);
            assert_eq!(code(Lang::English, entry.code), entry.name);
        }
        for kind in PurposeKind::ALL {
            assert!(!purpose_kind(Lang::Chinese, kind).is_ascii());
        }
        assert_eq!(code(Lang::Chinese, Code::new(1)), "未知条款");
    }
}
