//! A real browser visits a real node: without scripts, with the keyboard alone, on a narrow screen, in
//! both languages and both colour schemes. Needs Node, npm and chromium.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use galen_market::action::{Action, Mint};
use galen_market::testing::{Signing, Wallet, euros};

use crate::place::now_ms;
use crate::portal::{Portal, portal};

#[test]
fn a_browser_finds_its_way() {
    let cache = std::env::var_os("GALEN_INTEROP")
        .map_or_else(|| std::env::home_dir().unwrap().join(".cache/galen/interop"), PathBuf::from);
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let setup = format!("{root}/tests/interop/setup.sh");
    let installed = Command::new("bash").arg(&setup).arg(&cache).status().unwrap();
    assert!(installed.success(), "{setup} failed: it needs Node and npm");
    // Beside the packages it imports.
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("visit.mjs");
    std::fs::copy(format!("{root}/web/portal/browser/visit.mjs"), &script).unwrap();
    let modules = cache.join("browser/node_modules");
    std::os::unix::fs::symlink(modules, folder.path().join("node_modules")).unwrap();

    let Portal { place, page, hospital, mut simulation, .. } = portal();
    let place = &place;
    let paths = [
        "/".to_owned(),
        "/?text=ward&k_min=5&country=DE&sort=rows".to_owned(),
        page.clone(),
        "/wanted".to_owned(),
        "/institutions".to_owned(),
        format!("/institutions/{}/requests", hospital.id()),
        "/explorer".to_owned(),
        "/explorer/blocks/2".to_owned(),
        "/explorer/validators".to_owned(),
        "/explorer/supply".to_owned(),
        format!("/explorer/accounts/{}", hospital.id()),
    ];
    let mut visit = Command::new("node");
    visit.arg(&script).arg(format!("http://{}", place.address));
    visit.arg(serde_json::to_string(&paths).unwrap()).arg("Diabetes in three wards (50 % sample)");
    // Where somebody who works on the pages wants to look at them.
    if let Some(pictures) = std::env::var_os("GALEN_PICTURES") {
        std::fs::create_dir_all(&pictures).unwrap();
        visit.arg(pictures);
    }
    let ended = AtomicBool::new(false);
    let output = std::thread::scope(|scope| {
        // Something happens now and then, which a page that follows the ledger shows.
        scope.spawn(|| {
            let (gateway, to) = (simulation.gateway.clone(), Wallet::new("reader"));
            while !ended.load(Ordering::Relaxed) {
                let mint = Mint { gateway: gateway.id(), to: to.id(), money: euros(1) };
                // The simulation's clock is not the wall's.
                let expiry_ms = Some(now_ms() + 50_000);
                let signing = Signing { accounts: vec![&gateway], expiry_ms, ..Signing::default() };
                let mint = simulation.sign_with(vec![Action::Mint(mint)], &signing);
                place.client.submit(&mint.encode()).unwrap();
                simulation.submit(&mint).unwrap();
                std::thread::sleep(Duration::from_secs(2));
            }
        });
        let output = visit.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
        ended.store(true, Ordering::Relaxed);
        output
    });
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("browser: all held"), "{said}");
}
