//! Names of common diseases by their MONDO ids, so that people find and read words and not numbers.
//! What is not here is shown by its id. Names follow the Mondo Disease Ontology
//! (<https://mondo.monarchinitiative.org>, CC BY 4.0). Depends on nothing.

use crate::lang::Lang;

const NAMES: &[(u32, &str, &str)] = &[
    (4_975, "Alzheimer disease", "阿尔茨海默病"),
    (4_979, "asthma", "哮喘"),
    (4_985, "bipolar disorder", "双相障碍"),
    (4_992, "cancer", "癌症"),
    (5_002, "chronic obstructive pulmonary disease", "慢性阻塞性肺疾病"),
    (5_010, "coronary artery disorder", "冠状动脉疾病"),
    (5_011, "Crohn disease", "克罗恩病"),
    (5_015, "diabetes mellitus", "糖尿病"),
    (5_027, "epilepsy", "癫痫"),
    (5_044, "hypertensive disorder", "高血压疾病"),
    (5_090, "schizophrenia", "精神分裂症"),
    (5_098, "stroke disorder", "脑卒中"),
    (5_101, "ulcerative colitis", "溃疡性结肠炎"),
    (5_109, "HIV infectious disease", "艾滋病病毒感染"),
    (5_136, "malaria", "疟疾"),
    (5_147, "type 1 diabetes mellitus", "1 型糖尿病"),
    (5_148, "type 2 diabetes mellitus", "2 型糖尿病"),
    (5_180, "Parkinson disease", "帕金森病"),
    (5_267, "heart disorder", "心脏病"),
    (5_300, "chronic kidney disease", "慢性肾脏病"),
    (5_301, "multiple sclerosis", "多发性硬化"),
    (5_575, "colorectal cancer", "结直肠癌"),
    (7_254, "breast cancer", "乳腺癌"),
    (8_315, "prostate cancer", "前列腺癌"),
    (8_383, "rheumatoid arthritis", "类风湿关节炎"),
    (8_903, "lung cancer", "肺癌"),
    (11_122, "obesity disorder", "肥胖症"),
    (18_076, "tuberculosis", "结核病"),
    (100_096, "COVID-19", "新冠肺炎"),
];

fn entry(id: &str) -> Option<&'static (u32, &'static str, &'static str)> {
    let number: u32 = id.strip_prefix("MONDO:").filter(|digits| digits.len() == 7)?.parse().ok()?;
    NAMES.iter().find(|entry| entry.0 == number)
}

/// A disease in words, with its id; the id alone if its name is not here.
pub(crate) fn label(lang: Lang, id: &str) -> String {
    match (entry(id), lang) {
        (Some((_, english, _)), Lang::English) => format!("{english} ({id})"),
        (Some((_, _, chinese)), Lang::Chinese) => format!("{chinese}（{id}）"),
        (None, _) => id.to_owned(),
    }
}

/// The names of a disease in all languages, to be looked for.
pub(super) fn names(id: &str) -> [&'static str; 2] {
    entry(id).map_or(["", ""], |(_, english, chinese)| [english, chinese])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_name_keeps_its_id() {
        assert!(NAMES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let english = |id| label(Lang::English, id);
        assert_eq!(english("MONDO:0005148"), "type 2 diabetes mellitus (MONDO:0005148)");
        assert_eq!(label(Lang::Chinese, "MONDO:0005148"), "2 型糖尿病（MONDO:0005148）");
        assert_eq!(english("MONDO:5148"), "MONDO:5148");
        assert_eq!(english("<b>"), "<b>");
    }
}
