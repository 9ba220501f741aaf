//! Every text of the frame, of the pages that all sites have, and of what both say of deals, in both
//! languages. Depends on the portal's choice of language.

use galen_market::deal::{Defect, Termination};
use galen_web::lang::{Lang, fill};

use crate::operation::purchase;

galen_web::words! {
    // The frame.
    skip: "Skip to content", "跳到正文";
    on_this_machine: "on this machine · asks {}", "运行于本机 · 查询节点 {}";
    lock: "Lock", "锁定";

    // Unlocking, and what was not done.
    unlock: "Unlock", "解锁";
    unlock_heading: "Unlock your wallet", "解锁您的钱包";
    unlock_note: "The password goes to the program that runs on this machine, and nowhere else.", "密码只交给在本机运行的程序，不会发往别处。";
    password: "Password", "密码";
    not_done: "Not done", "未完成";
    to_first: "To the first page", "返回首页";

    // What takes long.
    beginning: "beginning", "开始";
    now: "Now: {} …", "正在进行：{}……";
    now_of: "Now: {}, {} of {} …", "正在进行：{}（已完成 {}，共 {}）……";
    done_of: "{} of {}", "已完成 {}，共 {}";

    // Stretches of time.
    days: "{} days", "{} 天";
    hours: "{} hours", "{} 小时";
    minutes: "{} minutes", "{} 分钟";
    seconds: "{} seconds", "{} 秒";

    // Answers without a page.
    only_here: "This is served as 127.0.0.1 only.", "此服务只以 127.0.0.1 提供。";
    only_links: "Other sites may only link to this.", "其他网站只能链接到此处。";
    type_code: "Type the code that `{}` printed as the password; any name will do.", "请将 `{}` 显示的配对码作为密码输入；用户名任意。";
    too_many: "Too many wrong codes. Wait ten seconds.", "错误的配对码过多，请等待十秒。";
    locked_itself: "The wallet has locked itself. Go back, load the page again and unlock it.", "钱包已自动锁定。请返回，重新加载页面并解锁。";
    not_whole: "The form did not come whole. Go back and send it again.", "表单未完整送达。请返回并重新提交。";
    stopping: "This is stopping.", "服务正在停止。";

    // Why a deal was refunded, beside what the command line says.
    not_reviewed: "the institution did not review the request in time", "机构未及时审核申请";
    not_ready: "the buyer was not ready in time", "买方未及时就绪";
    no_seat: "the institution had no bond, no place or no licence left for the deal", "机构已没有可用于此交易的保证金、名额或许可";
    not_delivered: "the key was not delivered in time", "密钥未及时交付";
    terms_refuse: "the terms do not cover the purpose; nothing but the fee was taken", "条款不涵盖该用途；除手续费外未收取任何款项";
    taken_down: "the registrars took the listing down before the buyer was ready", "买方就绪之前，登记方已将数据集下架";
    package_refunded: "another buyer's dispute about the same package was upheld", "另一买方对同一数据包的争议成立";
}

/// Why a deal was refunded.
pub(crate) fn ended(lang: Lang, why: &Termination) -> String {
    use Termination as T;
    let t = Words::of(lang);
    let said = match why {
        T::NotReviewed => t.not_reviewed,
        T::NotReady => t.not_ready,
        T::NoSeat => t.no_seat,
        T::NotDelivered => t.not_delivered,
        T::TermsRefuse => t.terms_refuse,
        T::TakenDown => t.taken_down,
        T::PackageRefunded => t.package_refunded,
        T::Refused { .. } | T::Disputed { .. } if lang == Lang::English => {
            return purchase::ended(why);
        }
        T::Refused { reason } => {
            let reason = galen_api::printable::printable(reason.as_str());
            return format!("机构拒绝了申请：{reason}");
        }
        T::Disputed { segment, defect } => {
            return format!("第 {segment} 段与上架内容不符（{}）", defect_of(*defect));
        }
    };
    said.to_owned()
}

/// What is wrong with a segment, in Chinese.
fn defect_of(defect: Defect) -> &'static str {
    match defect {
        Defect::Leaf => "叶子所述的标签、宽度或行数与数据布局不符",
        Defect::Cipher => "无法用其密钥解密",
        Defect::Length => "明文长度与数据布局不符",
        Defect::Claim => "单元格与声明所承诺的不符",
        Defect::Dictionary => "编码表不是规范形式",
        Defect::Cell => "单元格超出该列的取值范围或编码表",
    }
}

/// A text with one value.
pub(crate) fn one(pattern: &str, value: impl std::fmt::Display) -> String {
    fill(pattern, &[&value])
}

#[cfg(test)]
#[path = "../../web/src/lang/words/tests/checks.rs"]
mod checks;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) use super::checks::{both_languages, no_words_of_their_own};

    #[test]
    fn every_text_is_there_in_both_languages() {
        both_languages(ALL);
        no_words_of_their_own("src/loopback/pages", 4);
    }

    #[test]
    fn the_end_of_a_deal_is_said_as_on_the_command_line() {
        for why in [
            Termination::NotReviewed,
            Termination::NotReady,
            Termination::NoSeat,
            Termination::NotDelivered,
            Termination::Disputed { segment: 3, defect: Defect::Cell },
            Termination::PackageRefunded,
            Termination::TakenDown,
            Termination::TermsRefuse,
        ] {
            assert_eq!(ended(Lang::English, &why), purchase::ended(&why));
            assert!(!ended(Lang::Chinese, &why).is_ascii());
        }
    }
}
