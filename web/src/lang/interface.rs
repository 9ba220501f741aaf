//! What the page of the interface for programs says of each operation in Chinese. The English words are
//! those of its document; a test holds the two lists to each other.

use super::Lang;

const CHINESE: &[(&str, &str)] = &[
    ("Node", "节点"),
    ("How the node is", "节点的状况"),
    ("What the ledger started from", "账本的创世内容"),
    ("The numbers of the protocol", "协议参数"),
    ("With what proofs are verified", "用于验证证明的密钥"),
    ("This document", "本文档"),
    ("Transactions", "交易"),
    ("Hand in canonical bytes", "提交规范字节"),
    ("What would canonical bytes do now?", "试运行规范字节：现在会有什么结果"),
    ("What became of it?", "其结果如何"),
    ("Ledger", "账本"),
    ("A decided block", "一个已确定的区块"),
    ("Header, certificate and validators of a block", "一个区块的区块头、证书与验证者"),
    (
        "Proofs of at most 16 keys of the present state, in hexadecimal with commas",
        "当前状态中至多 16 个键的证明，键为十六进制，以逗号分隔",
    ),
    ("Events as they happen; goes on after Last-Event-ID", "事件流；从 Last-Event-ID 之后继续"),
    ("Proof that something happened", "某事件确已发生的证明"),
    ("Parties", "参与方"),
    ("An account", "一个账户"),
    ("Movements of its money", "其资金往来"),
    ("Registered parties of a role", "某一角色的登记参与方"),
    ("Issuers with their roots", "签发方及其树根"),
    ("Part of an issuer's leaf list", "签发方叶子列表的一部分"),
    ("An institution's deals at a stage", "某机构处于某一阶段的交易"),
    ("Listings", "上架"),
    ("Listings that meet all conditions", "满足全部条件的上架"),
    ("One listing", "一个上架"),
    ("The proofs of a row block", "一个行块的证明"),
    ("Its deals", "其交易"),
    ("What happened to it", "其历史"),
    ("What it comes from and what comes from it", "其来源与派生"),
    ("The offer as an ODRL policy", "以 ODRL 表示的报价"),
    ("Deals", "买卖"),
    ("All deals", "全部买卖"),
    ("A deal", "一笔买卖"),
    ("What happened in it", "其经过"),
    ("Its receipt", "其回执"),
    ("The subscription that a deal began", "由一笔买卖开始的订阅"),
    ("A licence", "一份许可"),
    ("Standing requests that wait", "等待中的求购"),
    ("A standing request", "一个求购"),
    ("Packages", "数据包"),
    ("A part of a package, ranges allowed", "数据包的一部分，可按范围读取"),
    ("Store a part of a listed package", "存入已上架数据包的一部分"),
    ("A licence's text by its SHA-256", "按 SHA-256 取得许可证文本"),
    ("Keep the text that a listing offers under", "存入上架所依据的许可证文本"),
    ("Descriptions", "描述"),
    ("Croissant 1.1", "Croissant 1.1 格式"),
    (
        "HealthDCAT-AP as Turtle; the dataset's page gives the same for Accept: text/turtle",
        "HealthDCAT-AP（Turtle）；以 Accept: text/turtle 请求数据集页面亦得此内容",
    ),
    ("HealthDCAT-AP as JSON-LD", "HealthDCAT-AP（JSON-LD）"),
    ("DataCite 4.5", "DataCite 4.5 格式"),
    (
        "A page of the catalogue as HealthDCAT-AP; JSON-LD for Accept: application/ld+json",
        "目录的一页（HealthDCAT-AP）；以 Accept: application/ld+json 请求则为 JSON-LD",
    ),
    ("The same as Turtle", "同上（Turtle）"),
    ("The same as JSON-LD", "同上（JSON-LD）"),
    ("A map of the pages", "网页地图"),
    ("What robots may do", "爬虫须知"),
    ("Objects", "对象"),
    ("GA4GH DRS: what this service is", "GA4GH DRS：服务说明"),
    ("GA4GH DRS: a package, or a part of one", "GA4GH DRS：一个数据包或其一部分"),
    ("GA4GH DRS: where an object is fetched", "GA4GH DRS：对象的下载地址"),
    ("Viewer", "查看器"),
    ("Which of the viewer's questions have answers", "查看器的哪些问题有答案"),
    (
        "Tables, each with its proven statistics and its synthetic sample",
        "各数据表，及其已证明的统计与合成样例",
    ),
    ("The first rows of a table's synthetic sample", "数据表合成样例的前几行"),
    ("Rows of a table's synthetic sample", "数据表合成样例的行"),
    ("Proven statistics of a table's columns", "数据表各列已证明的统计"),
];

/// What an operation or a group of them is, in a language.
pub(crate) fn said(lang: Lang, english: &'static str) -> &'static str {
    let found = match lang {
        Lang::English => None,
        Lang::Chinese => CHINESE.iter().find(|(name, _)| *name == english),
    };
    found.map_or(english, |(_, chinese)| chinese)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::openapi::OPERATIONS;

    #[test]
    fn every_operation_is_said_in_both_languages() {
        let listed = OPERATIONS.iter().flat_map(|one| [one.group, one.summary]);
        let listed: BTreeSet<&str> = listed.collect();
        let known: BTreeSet<&str> = CHINESE.iter().map(|(english, _)| *english).collect();
        assert_eq!(listed, known);
        assert_eq!(known.len(), CHINESE.len(), "one is there twice");
        for (english, chinese) in CHINESE {
            assert!(!chinese.is_ascii(), "{english} is not translated");
        }
    }
}
