//! Diversity and charts through packing, proving in parallel, in shards, and after a kill.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};

use galen_market::codec::Bounded;
use galen_market::id::AccountId;
use galen_market::listing::TableClaims;
use galen_zk::keys::{Prover, Step};

use super::proofs::prover;
use super::*;
use crate::attempts::AttemptLog;
use crate::charts;
use crate::encode::ChartWish;
use crate::property::{Lack, diversity_claims};
use crate::prove::{Place, ProofStep, ProvingError, Work, complete, prove};
use crate::shard::{Shard, join};
use crate::verify::{Claimed, VerifyError, verify};

/// A ward with two diverse columns and charts of three, and what is claimed of it.
fn diverse_ward(rows: usize) -> (Packed, Claimed) {
    let cell = |name: &str, cell: &dyn Fn(usize) -> String| {
        let cells: Vec<String> = (0..rows).map(cell).collect();
        Column::from_cells(name, cells.iter().map(String::as_str))
    };
    let table = Table {
        columns: vec![
            cell("age", &|r| (20 + r % 4 * 10).to_string()),
            cell("sex", &|r| ["f", "m"][usize::from(r % 3 == 0)].to_owned()),
            cell("illness", &|r| ["", "a", "b", "c", "d"][r * 7 % 5].to_owned()),
            cell("cost", &|r| (r * r % 900).to_string()),
            cell("day", &|r| format!("20{:02}-{:02}-{:02}", r % 17 + 1, r % 12 + 1, r % 28 + 1)),
        ],
    };
    let mut roles = roles();
    roles.0.insert("illness".to_owned(), Role::Sensitive);
    roles.0.insert("cost".to_owned(), Role::Sensitive);
    let mut settings = Settings {
        k: K,
        roles: Roles(roles.0.into_iter().filter(|(name, _)| name != "glucose").collect()),
        levels: [("age".to_owned(), (0, 0)), ("sex".to_owned(), (0, 0))].into(),
        block_rows: 1_016,
        ..Settings::default()
    };
    settings.diversity = [("illness".to_owned(), 3), ("cost".to_owned(), 4)].into();
    let result = deidentify(&table, &settings).unwrap();
    let size = BlockRows::Small;
    let chart = Some(ChartWish { least: K, size });
    let notes: BTreeMap<String, ColumnNote> = ["illness", "cost", "day"]
        .map(|name| (name.to_owned(), ColumnNote { chart, ..ColumnNote::default() }))
        .into();
    let encoded =
        encode_deidentified("ward", "Readings", &result, &settings.roles, &notes, size).unwrap();
    let specs: Vec<_> = encoded.columns.iter().map(|column| column.spec.clone()).collect();
    let claims = TableClaims {
        k: 5,
        diversity: Bounded::new(diversity_claims(&specs, &result.report.diversity)).unwrap(),
        charts: Bounded::new(charts::claims(&encoded.columns)).unwrap(),
    };
    assert_eq!((claims.diversity.len(), claims.charts.len()), (2, 3));
    let home = tempfile::tempdir().unwrap();
    let target = home.path().join("package");
    let (listing, secret) = pack(input(vec![encoded]), &SRS, &target, &quiet).unwrap();
    let csv = crate::csv_out::to_bytes(&result.table);
    let (package, institution) = (listing.id, AccountId([9; 32]));
    let claimed = Claimed { package, institution, claims: vec![claims] };
    (Packed { home, listing, secret, csv }, claimed)
}

struct Machine<'a> {
    packed: &'a Packed,
    claimed: &'a Claimed,
    prover: &'a Prover,
    folder: PackageFolder,
}

impl Machine<'_> {
    fn work(&self) -> Work<'_> {
        let Machine { packed, claimed, prover, folder } = self;
        Work { folder, secret: &packed.secret, claimed, prover }
    }

    fn place(&self, name: &str) -> Place {
        let home = self.packed.home.path();
        Place { bundles: home.join(name).join("proofs"), shares: home.join(name).join("shares") }
    }

    fn log(&self, name: &str) -> AttemptLog {
        let path = self.packed.home.path().join(format!("{name}-openings"));
        let log = AttemptLog::open(&path, self.packed.listing.id.0).unwrap();
        log.with_elsewhere(&self.packed.home.path().join(format!("{name}-elsewhere"))).unwrap()
    }

    /// Claims as a draft publishes them, verified from the folder's own place.
    fn published(&self, place: &Place) -> Claimed {
        let claims = complete(&self.work(), place).unwrap();
        let own = self.folder.path().join("proofs");
        for entry in std::fs::read_dir(&place.bundles).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, own.join(path.file_name().unwrap())).unwrap();
        }
        let claimed = Claimed { claims, ..self.claimed.clone() };
        verify(&self.folder, &claimed, self.prover.verifier(), &quiet).unwrap();
        claimed
    }
}

fn counting(count: &AtomicU32) -> impl Fn(ProofStep) + Sync + '_ {
    |step: ProofStep| {
        if step.step == Step::Openings {
            count.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[test]
fn a_killed_run_goes_on_and_shards_say_what_one_run_says() {
    let prover = prover();
    let (packed, claimed) = diverse_ward(2_400);
    let folder = packed.read();
    let machine = Machine { packed: &packed, claimed: &claimed, prover: &prover, folder };
    let (work, place) = (machine.work(), machine.place("one"));
    let blocks = machine.folder.layout().blocks().count() as u64;
    assert_eq!(blocks, 3);

    // Killed in the middle of the second block: the first stays, the attempt log knows of one.
    let died = catch_unwind(AssertUnwindSafe(|| {
        let begun = AtomicU32::new(0);
        let die = |step: ProofStep| {
            if step.step == Step::Commitment && begun.fetch_add(1, Ordering::SeqCst) == 1 {
                panic!("killed");
            }
        };
        prove(&work, 0..blocks, &place, &mut machine.log("one"), 1, &die)
    }));
    assert!(died.is_err());
    let spent = |log: &AttemptLog| [0, 1, 2].map(|block| log.spent(0, block));
    assert_eq!(spent(&machine.log("one")), [1, 0, 0]);
    assert!(matches!(
        complete(&work, &place),
        Err(ProvingError::Verify(VerifyError::NoProof { block: 1, .. }))
    ));
    let count = AtomicU32::new(0);
    prove(&work, 0..blocks, &place, &mut machine.log("one"), 2, &counting(&count)).unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 2, "no block is proven twice");
    assert_eq!(spent(&machine.log("one")), [1, 1, 1], "and no attempt is lost");
    let published = machine.published(&place);

    // Totals that are not those of the blocks.
    let mut wrong = published.clone();
    let mut charts = wrong.claims[0].charts.to_vec();
    charts[1].totals.sum += 1;
    wrong.claims[0].charts = Bounded::new(charts).unwrap();
    let refused = verify(&machine.folder, &wrong, prover.verifier(), &quiet);
    assert!(matches!(refused, Err(VerifyError::Totals { table: 0, .. })));
    assert!(matches!(
        complete(&Work { claimed: &wrong, ..work }, &place),
        Err(ProvingError::Totals { table: 0, .. })
    ));
    // A share of another bundle is not taken for this one's. Totals were stated, so that not only this
    // block is proven again.
    assert_eq!(complete(&work, &place).unwrap(), published.claims, "stated again, the same");
    let old = std::fs::read(place.bundle(0, 0)).unwrap();
    let old_share = std::fs::read(place.share(0, 0)).unwrap();
    std::fs::copy(place.share(0, 0), place.share(0, 1)).unwrap();
    assert!(matches!(complete(&work, &place), Err(ProvingError::Share(_))));
    let count = AtomicU32::new(0);
    prove(&work, 0..blocks, &place, &mut machine.log("one"), 1, &counting(&count)).unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 3);
    assert_eq!(spent(&machine.log("one")), [2, 2, 2]);
    // Nor are sums told of old and new bundles together.
    let new = std::fs::read(place.bundle(0, 0)).unwrap();
    let new_share = std::fs::read(place.share(0, 0)).unwrap();
    std::fs::write(place.bundle(0, 0), &old).unwrap();
    std::fs::write(place.share(0, 0), &old_share).unwrap();
    assert!(matches!(complete(&work, &place), Err(ProvingError::Mixed { table: 0 })));
    std::fs::write(place.bundle(0, 0), &new).unwrap();
    std::fs::write(place.share(0, 0), &new_share).unwrap();
    assert_ne!(complete(&work, &place).unwrap(), published.claims, "all blinders are new");

    // Two machines prove two parts, one block both; joined they claim the same.
    let mut shards = Vec::new();
    for (name, part) in [("left", 0..2), ("right", 1..3)] {
        let path = packed.home.path().join(name);
        let shard = Shard::begin(&path, &machine.folder, part.clone()).unwrap();
        let mut log = AttemptLog::open(&shard.log(), packed.listing.id.0).unwrap();
        prove(&work, part.clone(), &shard.place(), &mut log, 1, &|_| {}).unwrap();
        assert_eq!(
            Shard::begin(&path, &machine.folder, part).unwrap(),
            shard,
            "can be gone on with"
        );
        assert!(Shard::begin(&path, &machine.folder, 0..3).is_err());
        shards.push(shard);
    }
    assert!(Shard::begin(&packed.home.path().join("x"), &machine.folder, 2..4).is_err());
    let joint = machine.place("joint");
    let mut log = machine.log("joint");
    let first = join(&work, &shards, &joint, &mut log).unwrap();
    assert_eq!((first.taken, first.kept), (3, 1));
    assert_eq!(spent(&log), [1, 2, 1], "both openings of the common block count");
    let again = join(&work, &shards, &joint, &mut log).unwrap();
    assert_eq!((again.taken, again.kept), (0, 4));
    assert_eq!(spent(&log), [1, 2, 1], "and count once");
    let joined = machine.published(&joint);
    let totals = |claimed: &Claimed| -> Vec<_> {
        claimed.claims[0].charts.iter().map(|c| (c.column, c.form, c.totals.clone())).collect()
    };
    assert_eq!(totals(&joined), totals(&published));
    assert_ne!(joined.claims, published.claims, "under other blinders");

    // A shard with a bundle of another block is refused.
    let path = shards[0].place().bundle(0, 0);
    std::fs::copy(shards[0].place().bundle(0, 1), path).unwrap();
    let empty = machine.place("empty");
    let refused = join(&work, &shards, &empty, &mut machine.log("empty")).unwrap_err();
    assert!(matches!(refused, ProvingError::Verify(VerifyError::Proof { block: 0, .. })));
}

#[test]
fn a_claim_that_does_not_hold_is_refused_before_proving_with_its_place() {
    let prover = prover();
    let (packed, claimed) = diverse_ward(800);
    let refusal = |change: &dyn Fn(&mut TableClaims)| {
        let mut claimed = claimed.clone();
        change(&mut claimed.claims[0]);
        let folder = packed.read();
        let machine = Machine { packed: &packed, claimed: &claimed, prover: &prover, folder };
        let place = machine.place("refused");
        match prove(&machine.work(), 0..1, &place, &mut machine.log("refused"), 1, &|_| {}) {
            Err(ProvingError::Property { offence, sentence, .. }) => (offence.what, sentence),
            other => panic!("{other:?}"),
        }
    };
    let (what, sentence) = refusal(&|claims| {
        let mut diversity = claims.diversity.to_vec();
        diversity[0].l = 5;
        claims.diversity = Bounded::new(diversity).unwrap();
    });
    assert!(matches!(what, Lack::Values { l: 5, found: 3..=4, .. }), "{what:?}");
    assert!(sentence.contains("`illness`") && sentence.contains("age = "), "{sentence}");
    let (what, sentence) = refusal(&|claims| {
        let mut diversity = claims.diversity.to_vec();
        diversity.iter_mut().for_each(|claim| claim.order = galen_zk::bundle::Order::Tail);
        claims.diversity = Bounded::new(diversity).unwrap();
    });
    assert!(matches!(what, Lack::Order { l: 4, .. }), "{what:?}");
    assert!(sentence.contains("`cost`"), "{sentence}");
    let (what, sentence) = refusal(&|claims| {
        // Bins would be smaller than this k, too.
        claims.charts = Bounded::default();
        claims.k = 200;
    });
    assert!(matches!(what, Lack::Rows { k: 200 }), "{what:?} {sentence}");
    let log = AttemptLog::open(&packed.home.path().join("refused-openings"), packed.listing.id.0);
    assert_eq!(log.unwrap().spent(0, 0), 0);
}
