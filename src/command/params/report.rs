//! What `galen params` says.

use std::path::PathBuf;

use galen_zk::ceremony::history::{History, Origin};
use galen_zk::ceremony::sigma::{Evidence, Transcript};
use galen_zk::interop;
use galen_zk::keys::{Index, Parameters, Verifier};
use serde_json::json;

use crate::config::Context;
use crate::error::{Exit, Failure};
use crate::operation::params::{self, Chain};
use crate::output::{printable, table};

pub(super) fn hash(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

pub(super) fn report(context: &Context, chain: &Chain, message: &str) -> Result<(), Failure> {
    match chain {
        Chain::Sigma(transcript) => sigma(context, transcript, message),
        Chain::Phase2(history) => phase2(context, history, message),
    }
}

/// How JSON names the two kinds of steps.
fn kind(is_beacon: bool) -> &'static str {
    if is_beacon { "public random value" } else { "contribution" }
}

fn phase2(context: &Context, history: &History, message: &str) -> Result<(), Failure> {
    let steps = history.contributions();
    let value = json!({
        "circuit_hash": hash(history.circuit()),
        "hash": steps.last().map(|step| hash(&step.hash())),
        "steps": steps.iter().map(|step| json!({
            "name": step.name(),
            "kind": kind(*step.origin() != Origin::Secret),
            "hash": hash(&step.hash()),
        })).collect::<Vec<_>>(),
    });
    context.output.data(&value, || {
        let mut text = format!("Circuit hash  {}\n", hash(history.circuit()));
        for step in steps {
            let name = printable(step.name());
            text.push_str(&format!("Step          {name}\n  hash        {}\n", hash(&step.hash())));
        }
        text
    })?;
    context.output.note(message);
    Ok(())
}

pub(super) fn sigma(
    context: &Context,
    transcript: &Transcript,
    message: &str,
) -> Result<(), Failure> {
    let steps: Vec<_> = transcript
        .steps()
        .iter()
        .map(|step| {
            let beacon = matches!(step.evidence, Evidence::Beacon { .. });
            json!({ "name": step.name, "kind": kind(beacon) })
        })
        .collect();
    let value = json!({
        "circuit": transcript.circuit(),
        "hash": hash(&transcript.hash()),
        "steps": steps,
    });
    context.output.data(&value, || {
        let mut text = format!("Circuit  {}\n", printable(transcript.circuit()));
        for step in transcript.steps() {
            text.push_str(&format!("Step     {}\n", printable(&step.name)));
        }
        text.push_str(&format!("Hash     {}\n", hash(&transcript.hash())));
        text
    })?;
    context.output.note(message);
    Ok(())
}

pub(super) fn parameters_report(
    context: &Context,
    parameters: &Parameters,
    message: &str,
) -> Result<(), Failure> {
    let value = json!({ "hash": hash(&parameters.hash()) });
    context.output.data(&value, || format!("Parameters {}\n", hash(&parameters.hash())))?;
    context.output.note(message);
    Ok(())
}

fn parameters(dir: Option<PathBuf>) -> Result<Parameters, Failure> {
    match dir {
        Some(dir) => params::load(&dir),
        None => Ok(Parameters::development()?),
    }
}

pub(super) fn show_key(
    context: &Context,
    circuit: &str,
    dir: Option<PathBuf>,
) -> Result<(), Failure> {
    let entry = params::entry(circuit)?;
    let parameters = parameters(dir)?;
    let network = if parameters.origin().is_forgeable() {
        galen_zk::keys::Network::Development
    } else {
        galen_zk::keys::Network::Production
    };
    let verifier = Verifier::new(network, parameters)?;
    let key = verifier
        .key(entry.circuit())
        .map_err(|error| Failure::new(Exit::Failure, "params.circuit", error.to_string()))?;
    let value = interop::verifying_key(circuit, key).map_err(|error| {
        Failure::new(Exit::Input, "params.committed", error.to_string()).remedy(
            "check its proofs with the verifier of the portal, which knows committed inputs",
        )
    })?;
    context.output.data(&value, || value.to_string())
}

pub(super) fn show(context: &Context, dir: Option<PathBuf>) -> Result<(), Failure> {
    let parameters = parameters(dir)?;
    let index = Index::embedded()?;
    let forgeable = parameters.origin().is_forgeable();
    let value = json!({
        "hash": hash(&parameters.hash()),
        "forgeable": forgeable,
        "circuits": index.circuits.iter().map(|circuit| json!({
            "circuit": circuit.circuit,
            "inputs": circuit.inputs,
            "committed": circuit.committed,
            "constraints": circuit.constraints,
            "domain": circuit.domain,
            "powers": circuit.domain.trailing_zeros(),
            "sigma": circuit.committed > 0,
            "description": circuit.description,
        })).collect::<Vec<_>>(),
    });
    context.output.data(&value, || {
        let rows = index.circuits.iter().map(|circuit| {
            [
                circuit.circuit.clone(),
                circuit.constraints.to_string(),
                circuit.committed.to_string(),
                format!("2^{}", circuit.domain.trailing_zeros()),
                if circuit.committed > 0 { "phase 2, σ" } else { "phase 2" }.to_owned(),
            ]
        });
        let list = table(["circuit", "constraints", "committed", "powers", "needs"], rows);
        let origin = if forgeable {
            "for development: forgeable, for trying out only"
        } else {
            "of a ceremony"
        };
        format!("{list}\n\nParameters {} ({origin})\n", hash(&parameters.hash()))
    })
}
