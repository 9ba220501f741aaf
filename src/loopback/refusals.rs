//! What kind of thing was refused, and what to do, for who reads Chinese. Failures are worded in English where they
//! happen, with names, numbers and places; pages show that, too, below a sentence of these, which the failure's code
//! chooses. Depends on failures and the portal's choice of language.

use galen_web::lang::Lang;

use crate::error::Failure;

/// A failure as a page shows it.
#[derive(Clone, Debug)]
pub(crate) struct Wrong {
    pub code: String,
    pub message: String,
    pub remedy: String,
}

impl From<&Failure> for Wrong {
    fn from(failure: &Failure) -> Self {
        Self {
            code: failure.code().to_owned(),
            message: failure.to_string(),
            remedy: failure.advice().unwrap_or_default().to_owned(),
        }
    }
}

/// What a failure with this code comes to, in a sentence; nothing where its own words are read.
pub(crate) fn in_short(lang: Lang, code: &str) -> &'static str {
    match lang {
        Lang::English => "",
        Lang::Chinese => said(code).unwrap_or(OTHER),
    }
}

fn said(code: &str) -> Option<&'static str> {
    let family = code.split('.').next().unwrap_or_default();
    let of = |table: &[(&str, &'static str)], name: &str| {
        table.iter().find(|(known, _)| *known == name).map(|(_, said)| *said)
    };
    of(OF_CODE, code).or_else(|| of(OF_FAMILY, family))
}

const OTHER: &str = "未能完成。详情如下（英文）。";

/// What is said of one code.
const OF_CODE: &[(&str, &str)] = &[
    ("not_found", "没有找到此页面或所指的内容。"),
    ("usage", "填写的内容不正确，请修改后重试。"),
    ("form.sent", "此表单已提交过，或显示时间过久。请查看结果，不要重复提交。"),
    ("wallet.locked", "钱包已锁定，请解锁后重新开始。"),
    ("wallet.form", "此表单不属于本服务，请重新加载页面。"),
    ("wallet.busy", "另一项操作正在进行，请等待其完成。"),
    ("console.running", "另一项操作正在进行，请等待其完成。"),
    ("prove.busy", "另一项操作正在进行，请等待其完成。"),
    ("wallet.large", "数据集过大，不能在浏览器中打开，请使用所示命令。"),
    ("key.wrong_password", "密码错误。"),
    ("key.missing", "没有找到密钥文件，请先创建或用助记词恢复。"),
    ("key.other", "此数据包是用另一个钱包或账户打包的。"),
    ("key.deal", "这笔交易的密钥无法使用。"),
    ("node.unreachable", "无法连接节点。请检查网络与节点地址，然后重试。"),
    ("node.behind", "节点落后于账本，请稍后重试或换用其他节点。"),
    ("node.busy", "节点繁忙，请稍后重试。"),
    ("node.pending", "交易已发出，但尚未得到确认。请稍后查看结果，不要重复发送。"),
    ("node.other_ledger", "该节点运行的是另一本账本。"),
    ("genesis.other", "该节点运行的是另一本账本。"),
    ("parameters.forgeable", "此账本使用开发参数，其证明可被伪造。"),
    ("credential.missing", "钱包中没有资格凭证，请先向发证机构申请。"),
    ("credential.expired", "资格凭证已过期，请向发证机构更新。"),
    ("credential.not_listed", "资格凭证已不在发证机构的公开名单中。"),
    ("credential.purpose", "资格凭证不涵盖此用途。"),
    ("credential.other_holder", "此资格凭证属于另一个钱包。"),
    ("credential.other_ledger", "此资格凭证属于另一本账本。"),
    ("purchase.terms", "条款不允许此用途，或需要您作出尚未作出的承诺。"),
    ("purchase.tier", "没有适用于此用途的价格档。"),
    ("purchase.seats", "此价格档不提供所填的用户人数。"),
    ("purchase.changed", "显示之后内容已变更，请重新查看后再签署。"),
    ("publish.changed", "显示之后内容已变更，请重新查看后再发布。"),
    ("console.changed", "显示之后内容已变更，请重新查看后再发布。"),
    ("deal.not_ready", "这笔交易现在不等待密钥。"),
    ("deal.too_late", "所剩时间太少，不能再交付密钥；价款将退还买方。"),
    ("deal.not_delivered", "密钥尚未交付。"),
    ("deal.undelivered", "密钥尚未交付。"),
    ("deal.not_waiting", "这笔交易现在不等待审核。"),
    ("deal.other_institution", "这笔交易属于另一家机构。"),
    ("deal.other_wallet", "这笔交易属于另一个钱包。"),
    ("deal.stage", "交易目前所处的阶段不允许此操作。"),
    ("deal.recover_first", "请先从助记词恢复交易。"),
    ("dispute.unfounded", "没有可供争议的缺陷：数据与上架内容一致。"),
    ("licence.expired", "许可已过期。"),
    ("licence.revoked", "许可已被撤销。"),
    ("licence.not_yet", "许可尚未生效。"),
    ("ledger.dropped", "交易未被收录，未作任何改动；请按所述原因修正后重试。"),
    ("ledger.fee", "手续费超出限额，或账本未给出费用。"),
    ("ledger.insufficient_funds", "余额不足。请由网关充值，或从其他账户转入后重试。"),
    ("ledger.offer_changed", "价格或条款已变更，请重新查看后再签署。"),
    ("ledger.sold_out", "名额已满。"),
    ("ledger.superseded", "已有新版本取代此版本。"),
    ("ledger.unknown_listing", "账本中没有此数据集。"),
    ("ledger.listing_not_live", "此数据集目前不可购买。"),
    ("ledger.listing_taken_down", "登记方已将此数据集下架。"),
    ("ledger.listings_stopped", "该机构未履行交付，其数据集暂停销售。"),
    ("ledger.role_not_active", "该机构未获准入，或已被暂停。"),
    ("ledger.nullifier_used", "此资格证明已使用过，请重试以制作新的证明。"),
    ("ledger.unknown_root", "资格证明已过时，请重试以制作新的证明。"),
    ("ledger.wrong_day", "资格证明已过时，请重试以制作新的证明。"),
    ("ledger.bad_credential_proof", "资格证明未通过验证。"),
    ("ledger.bad_bundle", "关于数据集的证明未通过验证。"),
    ("ledger.bad_envelope", "密钥信封的证明未通过验证。"),
    ("ledger.package_refunded", "另一买方对同一数据包的争议已成立，此数据集已永久关闭。"),
    ("ledger.already_listed", "此数据包已经上架。"),
    ("ledger.wrong_stage", "交易目前所处的阶段不允许此操作。"),
    ("ledger.deadline_passed", "期限已过。"),
    ("ledger.expired", "交易在收录前已过有效期，请重新签署。"),
    ("ledger.subscription_ended", "订阅已结束。"),
    ("ledger.already_claimed", "此版本已经领取。"),
    ("ledger.royalty_owed", "分成中缺少应付给上游数据集的部分。"),
    ("deidentify.k_unreachable", "按这些设置达不到这个 k。"),
    ("proof.small_class", "有的组人数少于所声明的 k，因此不能证明。"),
    ("proof.not_diverse", "有的组中敏感值的种类少于所声明的 l，因此不能证明。"),
    ("proof.outside_chart", "有的数值超出图表的范围。"),
    ("file.exists", "文件已存在，未作改动。"),
    ("file.missing", "没有找到文件。"),
    ("file.changed", "文件在使用过程中被改动，请重新开始。"),
    ("pack.formula", "名称以公式符号开头，表格软件会将其执行，请改名。"),
];

/// What is said of all other codes that begin so.
const OF_FAMILY: &[(&str, &str)] = &[
    ("agent", "代理程序的设置或状态不允许此操作。"),
    ("console", "控制台不能完成此操作。"),
    ("credential", "资格凭证不能用于此操作。"),
    ("crypt4gh", "所给的公钥或密钥文件不正确。"),
    ("opener", "所给的公钥或密钥文件不正确。"),
    ("csv", "表格文件有误。请按下面的说明修正该文件，然后重新选择。"),
    ("parquet", "表格文件有误。请按下面的说明修正该文件，然后重新选择。"),
    ("currency", "账本中没有此货币。"),
    ("deal", "交易目前的状态不允许此操作。"),
    ("deidentify", "无法按这些设置去标识化。请调整列的角色、泛化层级、k 或允许删除的行数。"),
    ("description", "数据集的描述有误，请修改后继续。"),
    ("listing", "数据集的描述有误，请修改后继续。"),
    ("dispute", "争议不能提出。"),
    ("file", "文件不能读取或写入。请检查路径、权限和剩余空间。"),
    ("output", "文件不能读取或写入。请检查路径、权限和剩余空间。"),
    ("home", "文件不能读取或写入。请检查路径、权限和剩余空间。"),
    ("genesis", "账本的创世文件有误。"),
    ("hierarchy", "泛化层级有误，请修改后继续。"),
    ("history", "账目与账本不符。"),
    ("receipt", "账目与账本不符。"),
    ("statement", "账目与账本不符。"),
    ("issuer", "发证机构的记录不允许此操作。"),
    ("key", "密钥、密码或助记词不正确。"),
    ("ledger", "账本拒绝了此交易，未作任何改动。"),
    ("licence", "没有有效的许可。"),
    ("mirror", "没有可用的下载来源。"),
    ("money", "金额有误，请修改后继续。"),
    ("node", "节点没有给出可用的回答，请稍后重试或换用其他节点。"),
    ("pack", "数据包与上架内容或自身的记录不一致。"),
    ("package", "数据包与上架内容或自身的记录不一致。"),
    ("parameters", "证明参数有误。"),
    ("params", "证明参数有误。"),
    ("proof", "证明未能制作，或未通过验证。"),
    ("prove", "证明未能制作，或未通过验证。"),
    ("publish", "未能发布。"),
    ("purchase", "不能按这些内容购买。"),
    ("eligible", "不能按这些内容购买。"),
    ("registrar", "登记方的签署不完整，或不允许此操作。"),
    ("role", "列的角色有误，请修改后继续。"),
    ("demo", "程序未能完成此操作。"),
    ("not_confirmed", "程序未能完成此操作。"),
    ("signals", "程序未能完成此操作。"),
    ("store", "程序未能完成此操作。"),
    ("subscription", "订阅不允许此操作。"),
    ("terms", "条款有误，请修改后继续。"),
    ("wallet", "钱包不能完成此操作。"),
    ("webhook", "通知地址或其密钥有误。"),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The sources of this package but for this file.
    fn sources(folder: &Path, all: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, all);
            } else if path.extension().is_some_and(|ending| ending == "rs")
                && !path.ends_with("loopback/refusals.rs")
            {
                all.push_str(&fs::read_to_string(&path).unwrap());
            }
        }
    }

    fn own() -> String {
        let mut all = String::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
        all
    }

    /// The texts that stand where a failure is made with its code.
    fn codes(source: &str) -> Vec<&str> {
        let codes = source.split("Exit::").skip(1).filter_map(|rest| {
            let rest = rest.split_once(',')?.1.trim_start().strip_prefix('"')?;
            rest.split_once('"').map(|(code, _)| code)
        });
        let word = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        };
        codes.filter(|code| code.split('.').all(word)).collect()
    }

    #[test]
    fn every_failure_of_the_program_is_said_in_chinese() {
        let source = own();
        let found = codes(&source);
        assert!(found.len() > 60, "{found:?}");
        let unsaid: Vec<_> = found.into_iter().filter(|code| said(code).is_none()).collect();
        assert!(unsaid.is_empty(), "{unsaid:?}");
        assert_eq!(in_short(Lang::Chinese, "surprise"), OTHER);
        assert_eq!(in_short(Lang::English, "usage"), "");
    }

    #[test]
    fn what_is_said_is_said_once_and_of_codes_that_there_are() {
        let ledger = Path::new(env!("CARGO_MANIFEST_DIR")).join("market/src/error.rs");
        let (ledger, own) = (fs::read_to_string(ledger).unwrap(), own());
        let quoted = |text: &str, code: &str| text.contains(&format!("\"{code}\""));
        for (at, (code, said)) in OF_CODE.iter().enumerate() {
            let of_ledger = code.strip_prefix("ledger.").is_some_and(|code| quoted(&ledger, code));
            assert!(quoted(&own, code) || of_ledger, "{code} is no code");
            assert!(OF_CODE[..at].iter().all(|(earlier, _)| earlier != code), "{code} twice");
            assert!(!said.is_ascii(), "{code}: {said}");
        }
        for (at, (family, said)) in OF_FAMILY.iter().enumerate() {
            let one = own.contains(&format!("\"{family}.")) || quoted(&own, family);
            assert!(one, "no code begins with {family}");
            assert!(OF_FAMILY[..at].iter().all(|(earlier, _)| earlier != family), "{family} twice");
            assert!(!said.is_ascii(), "{family}: {said}");
        }
    }
}
