//! Nodes as child processes: the test executable runs itself with the name of its `child` test and
//! speaks with it in lines, so that a node can be killed like any process.

#[path = "../../src/testing.rs"]
pub mod testing;

use galen_chain::{
    Limits, NetworkConfig, Node, NodeHandle, NodeKey, NodeSettings, Timeouts, TransactionStatus,
    ValidatorInfo,
};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use testing::Counters;

pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn now_ms() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64
}

/// Everything that a child needs to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    pub data: PathBuf,
    pub secret: [u8; 32],
    pub validators: Vec<[u8; 32]>,
    pub max_idle_ms: u64,
    pub genesis_ms: u64,
    pub network: Option<NetworkConfig>,
}

impl Plan {
    pub fn alone(data: &Path) -> Self {
        let secret = [7; 32];
        let validators = vec![NodeKey::from_secret(secret).public()];
        Self {
            data: data.to_owned(),
            secret,
            validators,
            max_idle_ms: 60_000,
            genesis_ms: now_ms(),
            network: None,
        }
    }

    pub fn rules(&self) -> Counters {
        let info = |key: &[u8; 32]| ValidatorInfo { consensus_key: *key, power: 10 };
        Counters {
            validators: self.validators.iter().map(info).collect(),
            genesis_ms: self.genesis_ms,
            ..Counters::alone([0; 32], self.max_idle_ms)
        }
    }

    pub async fn start(&self) -> Result<NodeHandle<Counters>, galen_chain::NodeError> {
        let settings = NodeSettings {
            data: self.data.clone(),
            key: NodeKey::from_secret(self.secret),
            network: self.network.clone(),
            timeouts: Timeouts::default(),
            limits: Limits::default(),
        };
        Node::start_with(self.rules(), settings).await
    }
}

/// The child's side: obeys until its input ends.
pub fn obey() {
    let Ok(plan) = std::env::var("GALEN_TEST_PLAN") else { return };
    if std::env::var("GALEN_TEST_LOG").is_ok() {
        tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .with_max_level(tracing::Level::INFO)
            .init();
    }
    let plan: Plan = serde_json::from_str(&plan).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let node = match runtime.block_on(plan.start()) {
        Ok(node) => node,
        Err(error) => return say(&format!("failed {error}")),
    };
    say("ready");
    runtime.spawn({
        let node = node.clone();
        async move {
            let reason = node.stopped().await;
            say(&format!("stopped {reason}"));
            std::process::exit(3);
        }
    });
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let (order, argument) = line.split_once(' ').unwrap_or((&line, ""));
        match order {
            "submit" => match runtime.block_on(node.submit(hex::decode(argument).unwrap())) {
                Ok(acknowledged) => say(&format!("ok {}", hex::encode(acknowledged.id))),
                Err(error) => say(&format!("refused {error}")),
            },
            "status" => {
                let status = node.status();
                say(&format!("status {} {} {}", status.height, status.peers, status.pending));
            }
            "root" => match node.block(argument.parse().unwrap()).unwrap() {
                Some(stored) => {
                    say(&format!(
                        "root {} {}",
                        stored.block.id(),
                        hex::encode(stored.block.header.state_root)
                    ));
                }
                None => say("none"),
            },
            "final" => {
                let id: [u8; 32] = hex::decode(argument).unwrap().try_into().unwrap();
                let status = runtime.block_on(node.wait_for(&id, PATIENCE)).unwrap();
                match status {
                    TransactionStatus::Final { height, index } => {
                        say(&format!("final {height} {index}"))
                    }
                    other => say(&format!("not {other:?}")),
                }
            }
            other => panic!("unknown order {other}"),
        }
    }
    std::process::exit(0);
}

/// One write, so that lines are whole whatever else is written.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("@{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// The parent's side.
pub struct Remote {
    pub plan: Plan,
    pub process: Child,
    orders: Option<ChildStdin>,
    answers: Receiver<String>,
}

impl Remote {
    /// Starts a child and waits until its node runs.
    pub fn start(plan: &Plan, wrapper: &[&str]) -> Self {
        let mut remote = Self::spawn(plan, wrapper);
        assert_eq!(remote.answer(), "ready");
        remote
    }

    pub fn spawn(plan: &Plan, wrapper: &[&str]) -> Self {
        let own = std::env::current_exe().unwrap();
        let mut command = match wrapper {
            [] => Command::new(own),
            [program, arguments @ ..] => {
                let mut command = Command::new(program);
                command.args(arguments).arg(own);
                command
            }
        };
        let mut process = command
            .args(["--exact", "child", "--ignored", "--nocapture", "--test-threads=1"])
            .env("GALEN_TEST_PLAN", serde_json::to_string(plan).unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = process.stdin.take();
        let out = BufReader::new(process.stdout.take().unwrap());
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if let Some((_, answer)) = line.split_once('@')
                    && sender.send(answer.to_owned()).is_err()
                {
                    return;
                }
            }
        });
        Self { plan: plan.clone(), process, orders, answers }
    }

    pub fn answer(&mut self) -> String {
        self.answers.recv_timeout(PATIENCE).expect("the child answers")
    }

    pub fn order(&mut self, order: &str) {
        let orders = self.orders.as_mut().unwrap();
        orders.write_all(format!("{order}\n").as_bytes()).unwrap();
        orders.flush().unwrap();
    }

    pub fn ask(&mut self, order: &str) -> String {
        self.order(order);
        self.answer()
    }

    /// Submits and expects an acknowledgement.
    pub fn submit(&mut self, count: &testing::Count) -> String {
        let answer = self.ask(&format!("submit {}", hex::encode(count.bytes())));
        answer.strip_prefix("ok ").unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// Height and place at which a transaction is final.
    pub fn wait_final(&mut self, id: &str) -> (u64, u32) {
        let answer = self.ask(&format!("final {id}"));
        let (height, index) = answer
            .strip_prefix("final ")
            .unwrap_or_else(|| panic!("{answer}"))
            .split_once(' ')
            .unwrap();
        (height.parse().unwrap(), index.parse().unwrap())
    }

    pub fn height(&mut self) -> u64 {
        let answer = self.ask("status");
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub fn wait_height(&mut self, height: u64) {
        let until = Instant::now() + PATIENCE;
        while self.height() < height {
            assert!(Instant::now() < until, "height {} where {height} is expected", self.height());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Lets the child end by itself.
    pub fn end(mut self) {
        drop(self.orders.take());
        self.process.wait().unwrap();
    }

    /// SIGKILL: nothing is written, flushed or said any more.
    pub fn kill(mut self) -> Plan {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.plan.clone()
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
