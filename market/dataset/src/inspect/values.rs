//! What the cells of a column give away by their look.

use super::{Category, Hint, is_age, tally};
use crate::schema::{Column, Kind};
use std::net::IpAddr;

type Test = fn(&str) -> bool;

/// Looks that stand out in any text, were it one cell in a million.
const STRIKING: &[(Category, Test, &str)] = &[
    (Category::Email, email, "e-mail addresses"),
    (Category::SocialSecurity, social_security, "numbers written 000-00-0000"),
    (Category::Url, url, "web addresses"),
    (Category::IpAddress, ip, "internet addresses"),
];

/// Looks that mean something when a good part of the column has them.
const FREQUENT: &[(Category, Test, &str)] = &[
    (Category::Phone, phone, "numbers written as telephone numbers"),
    (Category::Dates, fine_date, "dates with a day or month"),
    (Category::Geography, zip_plus_four, "nine-digit ZIP codes"),
    (Category::Vehicle, vehicle, "17 characters as in vehicle numbers"),
    (Category::Device, mac, "hardware addresses"),
];

pub(super) fn hints(column: &Column) -> Vec<Hint> {
    let (counts, first) = tally(column);
    let present: u64 = (column.codes.len() - column.missing()) as u64;
    let mut found = Vec::new();
    if present == 0 {
        return found;
    }
    let gather = |test: &dyn Fn(&str) -> bool| -> (u64, Option<usize>) {
        let hits = || (0..counts.len()).filter(|i| test(&column.dictionary[*i]));
        (hits().map(|i| counts[i]).sum(), hits().map(|i| first[i]).min())
    };
    if column.kind == Kind::Date {
        let row = (0..column.codes.len()).find(|r| !column.cell(*r).is_empty());
        found.push(Hint {
            category: Category::Dates,
            cells: present,
            row,
            evidence: format!("{present} dates with a day"),
        });
    }
    if column.kind == Kind::Text {
        for (category, test, what) in STRIKING {
            let trimmed = |c: char| matches!(c, '.' | ',' | ';' | '(' | ')' | '<' | '>' | '"');
            let anywhere = |t: &str| t.split_whitespace().any(|w| test(w.trim_matches(trimmed)));
            let (cells, row) = gather(&anywhere);
            if cells > 0 {
                let evidence = format!("{cells} cells hold {what}");
                found.push(Hint { category: *category, cells, row, evidence });
            }
        }
        for (category, test, what) in FREQUENT {
            let (cells, row) = gather(test);
            if cells * 5 >= present {
                let evidence = format!("{cells} cells are {what}");
                found.push(Hint { category: *category, cells, row, evidence });
            }
        }
        let sentence = |t: &str| t.split_whitespace().count() >= 6;
        let (cells, row) = gather(&sentence);
        if cells * 10 >= present {
            let evidence = format!("{cells} cells hold six words or more");
            found.push(Hint { category: Category::FreeText, cells, row, evidence });
        }
    }
    if is_age(&column.name) {
        let old = |t: &str| t.parse::<f64>().is_ok_and(|age| (90.0..200.0).contains(&age));
        let (cells, row) = gather(&old);
        if cells > 0 {
            let evidence = format!("{cells} cells are 90 or more");
            found.push(Hint { category: Category::AgesOver89, cells, row, evidence });
        }
    }
    // Measured numbers differ from row to row as well; whole numbers and words that do are codes.
    let codes = matches!(column.kind, Kind::Integer | Kind::Text) && !is_age(&column.name);
    if found.is_empty() && codes && present >= 50 && column.distinct() as u64 * 10 >= present * 9 {
        found.push(Hint {
            category: Category::UniqueCode,
            cells: present,
            row: first.iter().min().copied(),
            evidence: format!("{} of {present} cells are distinct", column.distinct()),
        });
    }
    found
}

fn email(word: &str) -> bool {
    let Some((user, host)) = word.split_once('@') else { return false };
    let plain = |s: &str| s.chars().all(|c| c.is_alphanumeric() || "._%+-".contains(c));
    !user.is_empty()
        && plain(user)
        && plain(host)
        && host.rsplit_once('.').is_some_and(|(h, t)| !h.is_empty() && t.len() >= 2)
}

fn digits_at(word: &str, groups: &[usize], between: char) -> bool {
    let parts: Vec<&str> = word.split(between).collect();
    parts.len() == groups.len()
        && parts
            .iter()
            .zip(groups)
            .all(|(p, n)| p.len() == *n && p.bytes().all(|b| b.is_ascii_digit()))
}

fn social_security(word: &str) -> bool {
    digits_at(word, &[3, 2, 4], '-')
}

fn zip_plus_four(text: &str) -> bool {
    digits_at(text, &[5, 4], '-')
}

fn url(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    ["http://", "https://", "ftp://", "www."].iter().any(|p| lower.starts_with(p))
}

fn ip(word: &str) -> bool {
    word.parse::<IpAddr>().is_ok()
}

fn phone(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let marks = text.chars().filter(|c| "+()-. /".contains(*c)).count();
    (7..=15).contains(&digits)
        && marks >= 2
        && digits + marks == text.len()
        && !fine_date(text)
        && !social_security(text)
        && !ip(text)
        && !text.starts_with(['-', '.'])
}

fn fine_date(text: &str) -> bool {
    let date = text.split(['T', ' ']).next().unwrap_or(text);
    for mark in ['-', '/', '.'] {
        let parts: Vec<&str> = date.split(mark).collect();
        let number = |s: &str| (1..=4).contains(&s.len()).then(|| s.parse::<u32>().ok()).flatten();
        let numbers: Vec<Option<u32>> = parts.iter().map(|p| number(p)).collect();
        let year = |n: u32| (1800..=2100).contains(&n);
        let part = |n: u32| (1..=31).contains(&n);
        match numbers[..] {
            [Some(y), Some(m)] if mark != '.' && parts[0].len() == 4 && year(y) && m <= 12 => {
                return true;
            }
            [Some(y), Some(m), Some(d)] if parts[0].len() == 4 => {
                return year(y) && part(m) && part(d);
            }
            [Some(a), Some(b), Some(c)] if parts[2].len() == 4 => {
                return part(a) && part(b) && year(c);
            }
            [Some(a), Some(b), Some(_)] if parts[2].len() == 2 => return part(a) && part(b),
            _ => {}
        }
    }
    false
}

fn vehicle(text: &str) -> bool {
    text.len() == 17
        && text.bytes().all(|b| {
            b.is_ascii_digit() || (b.is_ascii_uppercase() && !matches!(b, b'I' | b'O' | b'Q'))
        })
        && text.bytes().any(|b| b.is_ascii_digit())
        && text.bytes().any(|b| b.is_ascii_uppercase())
}

fn mac(text: &str) -> bool {
    text.len() == 17
        && text.split([':', '-']).all(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_told_apart() {
        assert!(email("anna.b@example.org") && !email("@x.de") && !email("a@b"));
        assert!(social_security("123-45-6789") && !social_security("1234-5-6789"));
        assert!(phone("(617) 555-0100") && phone("+49 30 1234567"));
        assert!(!phone("1234567") && !phone("2024-02-03") && !phone("123-45-6789"));
        assert!(fine_date("2024-02-03") && fine_date("3/2/2024") && fine_date("2024-02"));
        assert!(fine_date("03.02.24") && fine_date("2024-02-03T10:00"));
        assert!(!fine_date("2024") && !fine_date("1.5") && !fine_date("[40, 45)"));
        assert!(vehicle("1HGCM82633A004352") && !vehicle("AAAAAAAAAAAAAAAAA"));
        assert!(mac("00:1b:63:84:45:e6") && !mac("12:30"));
        assert!(ip("10.0.0.1") && ip("::1") && !ip("1.2.3"));
        assert!(zip_plus_four("02139-4307") && url("https://example.org"));
    }
}
