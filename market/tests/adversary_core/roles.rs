//! Who may do what.

use super::*;

#[test]
fn roles_do_what_the_table_says_and_nothing_else() {
    let mut sim = Simulation::default();
    let (a, gateway) = (sim.registrars[0].clone(), sim.gateway.clone());
    let admit = |wallet: &Wallet, admission| {
        Action::Admit(galen_market::action::Admit {
            account: wallet.id(),
            admission,
            name: galen_market::testing::text("x"),
            url: galen_market::testing::text(""),
            evidence: Digest([1; 32]),
        })
    };
    let issuer = Wallet::new("university");
    let alone = sim.act(vec![admit(&issuer, Admission::Issuer)], &[&a]);
    assert_eq!(alone, Err(TxError::RegistrarsNeeded { needs: 2, signed: 1 }));
    sim.admit(&issuer, Admission::Issuer).unwrap();
    assert_eq!(
        sim.admit(&issuer, Admission::Issuer),
        Err(TxError::AlreadyAdmitted { role: Role::Issuer })
    );

    // A gateway makes its own currency only, and nobody makes stake.
    let bob = Wallet::new("bob");
    let mint = Action::Mint(Mint { gateway: bob.id(), to: bob.id(), money: euros(5) });
    let not_active = TxError::NotActive { role: Role::Gateway, account: bob.id() };
    assert_eq!(sim.act(vec![mint], &[&bob]), Err(not_active));
    let foreign =
        galen_market::amount::Money { currency: "USD".parse().unwrap(), amount: Amount::new(5) };
    let mint = Action::Mint(Mint { gateway: gateway.id(), to: bob.id(), money: foreign });
    assert_eq!(sim.act(vec![mint], &[&gateway]).unwrap_err().code(), "unknown_currency");

    // A suspended issuer does nothing, and its roots are refused.
    let suspend = Action::Suspend(Suspend {
        account: issuer.id(),
        role: Role::Issuer,
        evidence: Digest([2; 32]),
    });
    let b = sim.registrars[1].clone();
    sim.act(vec![suspend.clone()], &[&a, &b]).unwrap();
    assert_eq!(sim.act(vec![suspend], &[&a, &b]), Err(TxError::AlreadySuspended));
    let leaves = Bounded::new(vec![Scalar::from(9)]).unwrap();
    let insert = galen_market::action::InsertCredentials { issuer: issuer.id(), leaves };
    let insert = vec![Action::InsertCredentials(insert)];
    let not_active = TxError::NotActive { role: Role::Issuer, account: issuer.id() };
    assert_eq!(sim.act(insert.clone(), &[&issuer]), Err(not_active));
    sim.admit(&issuer, Admission::Issuer).unwrap();
    sim.act(insert, &[&issuer]).unwrap();

    // Nobody moves another's money.
    let ann = sim.funded("ann", 10);
    let theft = sim.act(vec![transfer(&ann, &bob, 10)], &[&bob]).unwrap_err();
    assert_eq!(theft.code(), "unauthorised");
    // A sponsor pays the fee of another's transfer.
    let sponsor = sim.funded("sponsor", 10);
    sim.act(vec![transfer(&ann, &bob, 10)], &[&sponsor, &ann]).unwrap();
}
