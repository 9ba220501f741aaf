//! The pages of wallet and console in Chinese: who gets them, and that they say there what they say in
//! English.

use super::*;

/// Asks for a page as a browser that likes Chinese, and looks whether these texts are on it.
pub fn chinese(served: &Served, path: &str, texts: &[&str]) -> Got {
    let code = served.code_header();
    let headers = [
        ("host", served.host.as_str()),
        ("authorization", &code),
        ("accept-language", "zh-CN,zh;q=0.9,en;q=0.5"),
    ];
    let got = served.send("GET", path, &headers, "");
    assert_eq!(got.status, 200, "{path}: {}", got.body);
    for text in [&["<html lang=\"zh-Hans\">", "hreflang=\"en\" lang=\"en\""], texts].concat() {
        assert!(got.body.contains(text), "{text}: {}", got.body);
    }
    got
}

#[test]
fn a_page_is_in_the_language_that_its_reader_chose() {
    let home = Home::new();
    let plan = plan(&home, NO_NODE, Duration::from_secs(300));
    let runtime = ok(operation::node::runtime());
    let serving = ok(runtime.block_on(signer::start(plan)));
    let served = Served::of(&serving);
    let (english, heading) = ("Unlock your wallet", "解锁您的钱包");
    assert!(served.get("/").body.contains(english));
    chinese(&served, "/", &[heading, "href=\"/?lang=en\"", "<title>解锁 · Galen 钱包</title>"]);
    // The address chooses, and the browser remembers it; these pages alone, and no script of theirs, see it.
    let asked = served.get("/buy?listing=ab%2Fcd&lang=zh");
    assert!(asked.body.contains(heading) && asked.body.contains("value=\"/buy?listing=ab%2Fcd\""));
    assert!(asked.body.contains("href=\"/buy?listing=ab%2Fcd&#38;lang=en\""), "{}", asked.body);
    let cookie = "set-cookie: lang=zh; Path=/; Max-Age=31536000; SameSite=Strict; HttpOnly";
    assert!(asked.head.contains(cookie), "{}", asked.head);
    let code = served.code_header();
    let sent = |more: &[(&str, &str)], path: &str| {
        let own = [("host", served.host.as_str()), ("authorization", code.as_str())];
        served.send("GET", path, &[&own, more].concat(), "")
    };
    let kept = sent(&[("cookie", "lang=zh")], "/");
    assert!(kept.body.contains(heading) && !kept.head.contains("set-cookie"), "{}", kept.head);
    assert!(sent(&[("cookie", "lang=zh")], "/?lang=en").body.contains(english));
    assert!(!served.get("/?lang=xx").head.contains("set-cookie"));
    // A link on another site chooses nothing, and neither does whoever has no code.
    let foreign = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    let led = sent(&foreign, "/buy?lang=zh");
    assert!(led.body.contains(english) && !led.head.contains("set-cookie"), "{}", led.head);
    let stranger = served.send("GET", "/?lang=zh", &[("host", &served.host)], "");
    assert_eq!(stranger.status, 401);
    assert!(stranger.body.contains("配对码") && !stranger.head.contains("set-cookie"));
    // A refusal says in Chinese what it is, and its own words are marked as English.
    let token = served.get("/").field("token");
    let wrong = served.post("/unlock?lang=zh", &token, "password=wrong+password&next=%2F");
    assert!(wrong.body.contains(heading), "{}", wrong.body);
    let said = "role=\"alert\"><strong>密码错误。</strong><br><span lang=\"en\">";
    assert!(wrong.body.contains(said), "{}", wrong.body);
    let wrong = served.post("/unlock?lang=en", &token, "password=wrong&next=%2F");
    assert!(!wrong.body.contains("密码错误"), "{}", wrong.body);
    // A script shows what it is told: what is wrong on the first line, what to do on the next.
    let script = sent(&[("cookie", "lang=zh")], "/deals/0/browser/key");
    let said = "钱包已锁定，请解锁后重新开始。the wallet is locked\nunlock it, and begin again";
    assert!(script.body.contains(said), "{}", script.body);
    drop(served);
    runtime.block_on(serving.stop());
}
