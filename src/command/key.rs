//! `galen key`: the wallet's keys. Secrets leave it only by `backup`, asked for and confirmed.

use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::Serialize;
use serde_json::json;
use zeroize::Zeroizing;

use crate::config::Context;
use crate::error::{Exit, Failure};
use crate::operation;
use crate::operation::purchase::DealStore;
use crate::output::table;
use crate::wallet::password::PasswordError;
use crate::wallet::{Cost, Keystore, Password, Role, Seed, Wallet, file};

/// Longest file of words.
const MAX_WORDS_BYTES: u64 = 4096;

/// Verbs of `galen key`.
#[derive(Subcommand, Debug)]
pub enum Key {
    /// Make a new seed and keep it in an encrypted keystore
    #[command(
        after_help = "Examples:\n  galen key new\n  galen key new --home /srv/hospital --password-file /run/secrets/galen"
    )]
    New,
    /// Show the public key of an account
    #[command(
        after_help = "Examples:\n  galen key show --role institution\n  galen key show --role researcher --index 2 --json"
    )]
    Show {
        /// What the account is used for
        #[arg(long)]
        role: Role,
        /// Which of the role's accounts
        #[arg(long, default_value_t = 0)]
        index: u32,
    },
    /// List the public keys of all roles
    #[command(after_help = "Examples:\n  galen key list\n  galen key list --count 3 --json")]
    List {
        /// How many accounts of each role
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
        count: u32,
    },
    /// Show the words from which every key can be restored, or write them to a file
    #[command(
        after_help = "Examples:\n  galen key backup\n  galen key backup --out /media/usb/galen-words --yes"
    )]
    Backup {
        /// Write them to a new file instead, readable by you only
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Make a keystore from words, asked for on the terminal or read from a file
    #[command(
        after_help = "Examples:\n  galen key restore\n  galen key restore --words-file /media/usb/galen-words"
    )]
    Restore {
        /// File of the words, `-` for standard input
        #[arg(long, value_name = "FILE")]
        words_file: Option<PathBuf>,
    },
    /// Change the keystore's password
    #[command(
        after_help = "Examples:\n  galen key password\n  galen key password --password-file old --new-password-file new"
    )]
    Password {
        /// File that holds the new password as its only line, instead of a prompt
        #[arg(long, value_name = "FILE")]
        new_password_file: Option<PathBuf>,
    },
    /// Keys that Crypt4GH programs use: made from the same words, kept in their files
    #[command(subcommand)]
    Crypt4gh(Crypt4gh),
}

/// Verbs of `galen key crypt4gh`.
#[derive(Subcommand, Debug)]
pub enum Crypt4gh {
    /// Write a key as OUT.sec, encrypted with a password of its own, and OUT.pub
    #[command(
        after_help = "Examples:\n  galen key crypt4gh new --out me\n  galen key crypt4gh new --out me --key-password-file secret.txt\n\nThe key follows from the wallet's words: whoever has these can make it again. Then:\n  galen deal decrypt 0 --out randhie --recipient me.pub\n  crypt4gh decrypt --sk me.sec < randhie/randhie.csv.c4gh > randhie.csv"
    )]
    New {
        /// Beginning of the two files' names
        #[arg(long, value_name = "OUT")]
        out: PathBuf,
        /// Which of the wallet's keys
        #[arg(long, default_value_t = 0)]
        index: u32,
        /// File that holds the password of OUT.sec as its only line, instead of a prompt
        #[arg(long, value_name = "FILE")]
        key_password_file: Option<PathBuf>,
    },
    /// Show the public key of a private-key file, as a file of its own
    #[command(after_help = "Example:\n  galen key crypt4gh public me.sec > me.pub")]
    Public {
        /// The private-key file
        file: PathBuf,
        /// File that holds its password as its only line, instead of a prompt
        #[arg(long, value_name = "FILE")]
        key_password_file: Option<PathBuf>,
    },
}

#[derive(Serialize)]
struct Listed {
    role: &'static str,
    index: u32,
    account: String,
}

/// Runs a verb.
///
/// # Errors
/// What is wrong with the keystore, the password, the words or a file.
pub fn run(context: &Context, command: Key) -> Result<(), Failure> {
    match command {
        Key::New => create(context, |_| Ok(Seed::generate()), "made"),
        Key::Show { role, index } => {
            let shown = listed(&context.wallet()?, role, index);
            context.output.data(&shown, || shown.account.clone())
        }
        Key::List { count } => {
            let wallet = context.wallet()?;
            let keys: Vec<_> = Role::ALL
                .into_iter()
                .flat_map(|role| (0..count).map(move |index| (role, index)))
                .map(|(role, index)| listed(&wallet, role, index))
                .collect();
            context.output.data(&keys, || {
                table(
                    ["role", "index", "account"],
                    keys.iter().map(|key| {
                        [key.role.to_owned(), key.index.to_string(), key.account.clone()]
                    }),
                )
            })
        }
        Key::Backup { out } => backup(context, out.as_deref()),
        Key::Restore { words_file } => create(
            context,
            |context| Ok(Seed::from_words(&words(context, words_file.as_deref())?)?),
            "restored",
        ),
        Key::Password { new_password_file } => password(context, new_password_file),
        Key::Crypt4gh(command) => crypt4gh(context, command),
    }
}

fn listed(wallet: &Wallet, role: Role, index: u32) -> Listed {
    Listed { role: role.name(), index, account: hex::encode(wallet.account(role, index).public()) }
}

fn create(
    context: &Context,
    seed: impl FnOnce(&Context) -> Result<Seed, Failure>,
    done: &str,
) -> Result<(), Failure> {
    let path = context.keystore();
    if path.try_exists().map_err(|error| Failure::file(&path, &error))? {
        return Err(crate::wallet::KeystoreError::Exists(path).into());
    }
    let seed = seed(context)?;
    let store = Keystore::seal(&seed, &context.new_password()?, Cost::STANDARD)?;
    if !context.dry_run {
        store.create(&path)?;
        if done == "restored" {
            DealStore::of(&context.home).restored()?;
        }
    }
    let institution = listed(&Wallet::new(seed), Role::Institution, 0).account;
    let shown = path.display().to_string();
    context.output.data(
        &json!({ "keystore": shown, "written": !context.dry_run, "institution": institution }),
        || format!("{shown}\n"),
    )?;
    context.output.note(if context.dry_run {
        "Nothing was written.".to_owned()
    } else {
        format!("Keystore {done}. Now write its words down with `galen key backup` and keep them apart from this machine: whoever has them has the keys.")
    });
    if done == "restored" && !context.dry_run {
        context.output.note("If you bought anything with this wallet, run `galen deal recover` before the next purchase.");
    }
    Ok(())
}

fn backup(context: &Context, out: Option<&Path>) -> Result<(), Failure> {
    let wallet = context.wallet()?;
    let words = wallet.seed().words();
    match out {
        None => {
            if io::stdout().is_terminal() {
                context.confirm(
                    "The words will be on the screen. Is nobody looking over your shoulder?",
                )?;
            } else {
                context
                    .confirm("The words will go to standard output in the clear. Is that meant?")?;
            }
            context.output.data(&json!({ "words": words.as_str() }), || words.to_string())
        }
        Some(path) => {
            context.confirm("The words will be written to a file in the clear. Is that meant?")?;
            if !context.dry_run {
                let text = Zeroizing::new(format!("{}\n", words.as_str()));
                file::create(path, text.as_bytes()).map_err(|error| Failure::file(path, &error))?;
            }
            let shown = path.display().to_string();
            context
                .output
                .data(&json!({ "file": shown, "written": !context.dry_run }), || shown.clone())
        }
    }
}

fn words(context: &Context, from: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    let bytes = match from {
        Some(path) if path != Path::new("-") => Zeroizing::new(
            file::read_bounded(path, MAX_WORDS_BYTES)
                .map_err(|error| Failure::file(path, &error))?,
        ),
        None if io::stdin().is_terminal() => {
            context.output.note("Type the words on one line; they are not shown.");
            return rpassword::prompt_password("Words: ").map(Zeroizing::new).map_err(|error| {
                Failure::new(
                    Exit::Key,
                    "key.words",
                    format!("the words could not be read: {error}"),
                )
            });
        }
        _ => {
            let mut bytes = Zeroizing::new(Vec::new());
            io::stdin().lock().take(MAX_WORDS_BYTES).read_to_end(&mut bytes).map_err(|error| {
                Failure::new(Exit::Key, "key.words", format!("standard input: {error}"))
            })?;
            bytes
        }
    };
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        Failure::new(Exit::Key, "key.words", "the words are not text")
            .remedy("give a text file with the words on one line")
    })?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn crypt4gh(context: &Context, command: Crypt4gh) -> Result<(), Failure> {
    type Ask = fn() -> Result<Password, PasswordError>;
    let from = |file: Option<PathBuf>, ask: Ask| -> Result<Password, Failure> {
        Ok(match file {
            Some(file) => Password::from_file(&file)?,
            None => ask()?,
        })
    };
    match command {
        Crypt4gh::New { out, index, key_password_file } => {
            let key = context.wallet()?.crypt4gh(index);
            let public = key.public().to_file();
            let mut files = Vec::new();
            if !context.dry_run {
                let password = from(key_password_file, Password::ask_new)?.long_enough()?;
                files.extend(operation::crypt4gh::write(&key, &password, &out)?);
            }
            let shown: Vec<_> = files.iter().map(|path| path.display().to_string()).collect();
            context.output.data(
                &json!({ "files": shown, "public": public, "written": !context.dry_run }),
                || if context.dry_run { public.clone() } else { shown.join("\n") },
            )
        }
        Crypt4gh::Public { file, key_password_file } => {
            let ask = || Password::ask("Password of the key: ");
            let key = operation::crypt4gh::public_half(&file, || from(key_password_file, ask))?;
            let public = key.to_file();
            context.output.data(&json!({ "public": public }), || public.trim_end().to_owned())
        }
    }
}

fn password(context: &Context, new: Option<PathBuf>) -> Result<(), Failure> {
    let path = context.keystore();
    let wallet = context.wallet()?;
    let password = match new {
        Some(file) => crate::wallet::Password::from_file(&file)?.long_enough()?,
        None => crate::wallet::Password::ask_new()?,
    };
    let store = Keystore::seal(wallet.seed(), &password, Cost::STANDARD)?;
    if !context.dry_run {
        store.replace(&path)?;
    }
    let shown = path.display().to_string();
    context
        .output
        .data(&json!({ "keystore": shown, "written": !context.dry_run }), || shown.clone())
}
