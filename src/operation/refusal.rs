//! Errors of the lower packages as failures of a command: a stable code, what is wrong and where,
//! and what to do.

use galen_dataset::attempts::AttemptError;
use galen_dataset::deidentify::DeidentifyError;
use galen_dataset::durable::FileError;
use galen_dataset::encode::EncodeError;
use galen_dataset::hierarchy::HierarchyError;
use galen_dataset::ingest::IngestError;
use galen_dataset::manifest::ManifestError;
use galen_dataset::opener::OpenError;
use galen_dataset::pack::PackError;
use galen_dataset::package::PackageError;
use galen_dataset::property::Lack;
use galen_dataset::prove::ProvingError;
use galen_dataset::roles::RoleError;
use galen_dataset::verify::VerifyError;
use galen_zk::error::KeyError;
use galen_zk::error::ProveError;

use crate::error::{Exit, Failure};

/// Codes under which the ledger refuses a purchase, rather than anything else.
const PURCHASE: &[&str] = &[
    "insufficient_funds",
    "allowance_too_small",
    "offer_changed",
    "unknown_listing",
    "listing_not_live",
    "listing_taken_down",
    "listings_stopped",
    "sold_out",
    "superseded",
    "unknown_tier",
    "tier_not_for_purpose",
    "bad_seats",
    "unknown_subscription",
    "subscription_ended",
    "not_in_subscription",
    "already_claimed",
    "too_many_claims",
    "not_renewable",
    "credential_required",
    "bad_credential_proof",
    "unknown_root",
    "wrong_day",
    "wrong_limit",
    "nullifier_used",
    "no_longer_qualified",
    "bad_wanted",
    "standing_time",
    "standing_ended",
];

/// Codes under which the ledger refuses a proof.
const PROOF: &[&str] = &["bad_bundle", "bad_envelope", "bad_segment_key", "dispute_unfounded"];

/// The failure of a command whose transaction the ledger refused.
pub(crate) fn refused(code: &str, message: &str, remedy: Option<&str>) -> Failure {
    let exit = match code {
        code if PURCHASE.contains(&code) => Exit::RefusedPurchase,
        code if PROOF.contains(&code) => Exit::RefusedProof,
        _ => Exit::RefusedByLedger,
    };
    let failure = Failure::new(exit, format!("ledger.{code}"), message);
    match remedy {
        // Who can do that, the ledger does not say.
        Some(_) if code == "insufficient_funds" => {
            failure.remedy("have a gateway mint it, or another account transfer it, and repeat")
        }
        Some(remedy) => failure.remedy(remedy),
        None => failure,
    }
}

impl From<IngestError> for Failure {
    fn from(error: IngestError) -> Self {
        use IngestError as E;
        let (code, remedy) = match &error {
            E::Open { .. } => ("csv.open", "check the path and that you may read the file"),
            E::NoFile { .. } => ("csv.no_file", "write the table to a file, and give that"),
            E::Read { .. } => {
                ("csv.read", "copy the file again; a compressed file may be cut short")
            }
            E::Empty => {
                ("csv.empty", "give a CSV file with a line of column names and rows below it")
            }
            E::NoRows => {
                ("csv.no_rows", "give a CSV file with at least one row below the column names")
            }
            E::Utf16 => ("csv.utf16", "save the table again as CSV in UTF-8"),
            E::Binary { .. } => (
                "csv.binary",
                "export the table as CSV text; spreadsheets and databases are not read as they are",
            ),
            E::NotUtf8 { .. } => ("csv.not_utf8", "save the file with the encoding UTF-8"),
            E::Invisible { .. } => ("csv.invisible", "remove the character there"),
            E::Ragged { .. } => (
                "csv.ragged",
                "give every line as many fields as the header has columns; a comma inside a field needs quotes around the field",
            ),
            E::LoneQuote { .. } => {
                ("csv.lone_quote", "put the whole field in quotes, and double the quotes in it")
            }
            E::AfterQuote { .. } => {
                ("csv.after_quote", "double the quotes that belong to the field")
            }
            E::OpenQuote { .. } => ("csv.open_quote", "close the quote, or remove it"),
            E::LongField { .. } => {
                ("csv.long_field", "look for a missing closing quote there, or shorten the field")
            }
            E::TooManyColumns { .. } => {
                ("csv.too_many_columns", "leave out columns that nobody needs")
            }
            E::TooManyRows { .. } => ("csv.too_many_rows", "split the table"),
            E::TooLong { .. } => ("csv.too_long", "split the table"),
            E::Bomb { .. } => ("csv.bomb", "give it as CSV without compression if you trust it"),
            E::EmptyName { .. } => ("csv.empty_name", "give every column a name in the first line"),
            E::LongName { .. } => ("csv.long_name", "shorten the column's name"),
            E::DuplicateName { .. } => {
                ("csv.duplicate_name", "give every column a name of its own")
            }
            E::Name { .. } => ("csv.name", "write the column's name with plain letters"),
            E::LookAlike { .. } => (
                "csv.look_alike",
                "spell both the same; else they are two categories, and classes count as larger than they look",
            ),
            E::Changed { .. } => ("file.changed", "try again when nothing writes to it"),
            E::Parquet { .. } => ("parquet.damaged", "write the file again, or give it as CSV"),
            E::Unsupported { .. } => {
                ("parquet.unsupported", "or give the table as CSV with such a column as text")
            }
            E::Cell { .. } => ("parquet.cell", "correct the value at its source"),
            E::Rows { .. } => ("parquet.too_many_rows", "split the table"),
            E::Columns { .. } => {
                ("parquet.too_many_columns", "leave out columns that nobody needs")
            }
            E::Delimiter => ("csv.delimiter", "use --delimiter with one of , ; | or a tab"),
        };
        Self::new(Exit::Input, code, error.to_string()).remedy(remedy)
    }
}

impl From<RoleError> for Failure {
    fn from(error: RoleError) -> Self {
        let (code, remedy) = match &error {
            RoleError::UnknownColumn { .. } => (
                "role.unknown_column",
                "use a name of the first line of the table, in the same spelling",
            ),
            RoleError::UnknownRole { .. } => {
                ("role.unknown", "use identifier, person, quasi, sensitive, insensitive or drop")
            }
            RoleError::Form { .. } => {
                ("role.form", "write it as column=role, for example age=quasi")
            }
            RoleError::File { .. } => (
                "role.file",
                "let `galen dataset inspect --save-roles FILE` write a file to start from",
            ),
            RoleError::TwoPersons { .. } => {
                ("role.two_persons", "keep the role person for one column, and drop the other")
            }
        };
        Self::new(Exit::Input, code, error.to_string()).remedy(remedy)
    }
}

impl From<HierarchyError> for Failure {
    fn from(error: HierarchyError) -> Self {
        Self::new(Exit::Input, "hierarchy", error.to_string())
            .remedy("correct the hierarchy, or leave it out to have one proposed")
    }
}

impl From<DeidentifyError> for Failure {
    fn from(error: DeidentifyError) -> Self {
        use DeidentifyError as E;
        let (code, remedy) = match error {
            E::Role(error) => return error.into(),
            E::Hierarchy(error) => return error.into(),
            E::NoQuasi => {
                ("deidentify.no_quasi", "name one with --role, for example --role age=quasi")
            }
            E::NotQuasi { .. } => (
                "deidentify.not_quasi",
                "give the column the role quasi, or leave its settings out",
            ),
            E::K { .. } => ("deidentify.k_range", "choose a k from 2 to 65535"),
            E::Suppression { .. } => {
                ("deidentify.suppression", "give a share such as 0.02 for two in a hundred rows")
            }
            E::Weight { .. } => ("deidentify.weight", "give a weight above zero"),
            E::Levels { .. } => {
                ("deidentify.levels", "allow at least one level that the hierarchy has")
            }
            E::Unreachable { .. } => (
                "deidentify.k_unreachable",
                "lower --k, raise --suppression, or drop a quasi-identifier",
            ),
            E::Diversity { .. } => (
                "deidentify.l_unreachable",
                "lower --l of that column, raise --suppression, or drop a quasi-identifier",
            ),
            E::Together { .. } => (
                "deidentify.k_l_unreachable",
                "lower --k or --l, raise --suppression, or drop a quasi-identifier",
            ),
            E::NotSensitive { .. } => {
                ("deidentify.not_sensitive", "give the column the role sensitive with --role")
            }
            E::NothingSensitive => (
                "deidentify.nothing_sensitive",
                "name a column with --role, for example --role diagnosis=sensitive",
            ),
            E::L { .. } => ("deidentify.l_range", "choose an l from 2 to 65535"),
            E::Uncuttable { .. } => {
                ("deidentify.uncuttable", "lower --l, or generalise less with a hierarchy")
            }
            E::SmallBlock { .. } => ("deidentify.small_block", "pack with full blocks, or lower k"),
            E::SmallClass { .. } => {
                ("deidentify.small_class", "run `galen dataset deidentify` with this k first")
            }
        };
        Self::new(Exit::Input, code, error.to_string()).remedy(remedy)
    }
}

impl From<EncodeError> for Failure {
    fn from(error: EncodeError) -> Self {
        if let EncodeError::Role(error) = error {
            return error.into();
        }
        Self::new(Exit::Input, "pack.table", error.to_string())
            .remedy("run `galen dataset deidentify` again, or correct the description's columns")
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        if error.source.kind() == std::io::ErrorKind::AlreadyExists {
            return Self::new(Exit::Input, "file.exists", error.to_string())
                .remedy("choose another name, or move the old one away");
        }
        Self::file(&error.path, &error.source)
    }
}

impl From<ManifestError> for Failure {
    fn from(error: ManifestError) -> Self {
        Self::new(Exit::Input, "package.manifest", error.to_string())
            .remedy("for a package of your own correct its description; for one from elsewhere fetch it again")
    }
}

impl From<PackageError> for Failure {
    fn from(error: PackageError) -> Self {
        use PackageError as E;
        let code = match &error {
            E::File(_) => "package.file",
            E::Summary(_) => "package.summary",
            E::Layout(_) => "package.layout",
            E::Manifest(_) => "package.manifest",
            E::ManifestDisagrees(_) => "package.manifest_disagrees",
            E::LeavesLength { .. } => "package.leaves_length",
            E::Root => "package.leaves",
            E::LeafShape { .. } => "package.leaf_shape",
            E::Id => "package.id",
            E::OtherPackage { .. } => "package.other",
            E::SegmentsLength { .. } => "package.segments_length",
            E::NoSegment { .. } => "package.no_segment",
            E::Ciphertext { .. } => "package.segment",
        };
        let remedy = if matches!(error, E::File(_)) {
            "name the folder of a package, the one that holds package.json"
        } else {
            "the folder is not what it says; fetch or copy it again, or pack anew"
        };
        Self::new(Exit::Input, code, error.to_string()).remedy(remedy)
    }
}

impl From<PackError> for Failure {
    fn from(error: PackError) -> Self {
        match error {
            PackError::Package(error) => error.into(),
            PackError::File(error) => error.into(),
            error => Self::new(Exit::Input, "pack", error.to_string())
                .remedy("no package was made; correct this and pack again"),
        }
    }
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        let again = "the institution makes its proofs with `galen dataset prove`; a copy may be fetched again";
        match error {
            VerifyError::Package(error) => error.into(),
            VerifyError::Claims(error) => {
                Self::new(Exit::RefusedProof, "proof.claims", error.to_string()).remedy(again)
            }
            VerifyError::NoProof { .. } => {
                Self::new(Exit::RefusedProof, "proof.missing", error.to_string()).remedy(again)
            }
            VerifyError::Malformed { .. } => {
                Self::new(Exit::RefusedProof, "proof.malformed", error.to_string()).remedy(again)
            }
            VerifyError::Proof { .. } => {
                Self::new(Exit::RefusedProof, "proof.refused", error.to_string()).remedy(again)
            }
            VerifyError::Totals { .. } => {
                Self::new(Exit::RefusedProof, "proof.totals", error.to_string()).remedy(
                    "the institution completes them with `galen dataset prove`; a copy may be fetched again",
                )
            }
            error => Self::new(Exit::Input, "package.leaves", error.to_string()).remedy(again),
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Package(error) => error.into(),
            OpenError::File(error) => error.into(),
            OpenError::WrongKey => Self::new(Exit::Key, "key.package", error.to_string())
                .remedy("use the wallet and the key file with which this very package was packed"),
            error if error.disputable().is_some() => Self::new(
                Exit::Input,
                "package.false",
                error.to_string(),
            )
            .remedy(
                "a buyer disputes it with `galen deal dispute`; an institution packs the data anew",
            ),
            error => Self::new(Exit::Input, "package.open", error.to_string())
                .remedy("nothing was written; the package is not what its manifest says"),
        }
    }
}

impl From<AttemptError> for Failure {
    fn from(error: AttemptError) -> Self {
        let (code, remedy) = match &error {
            AttemptError::File(_) => ("prove.log", "check the folder's permissions"),
            AttemptError::OtherPackage(_) => {
                ("prove.log_other", "bring back the log that belongs to this package")
            }
            AttemptError::Damaged { .. } => (
                "prove.log_damaged",
                "pack the data anew: how often they were opened is no longer known",
            ),
            AttemptError::NoFolder => ("prove.log", "join shards into the package's own log"),
            AttemptError::Busy(_) => ("prove.busy", "wait until the other run has ended"),
            AttemptError::Exhausted { .. } => {
                ("prove.exhausted", "pack the data anew under a new key")
            }
        };
        Self::new(Exit::Failure, code, error.to_string()).remedy(remedy)
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        let remedy = match super::ceremony_directory() {
            Some(_) => {
                "copy the folder that GALEN_CEREMONY names again, and check it with `galen params verify --dir`"
            }
            None => {
                "remove the folder that GALEN_PARAMS names, or ~/.cache/galen/params; it is made again"
            }
        };
        Self::new(Exit::Failure, "parameters", error.to_string()).remedy(remedy)
    }
}

impl From<ProveError> for Failure {
    fn from(error: ProveError) -> Self {
        match error {
            ProveError::Key(error) => error.into(),
            error => Self::new(Exit::RefusedProof, "proof.none", error.to_string())
                .remedy("what the proof would say is not true; look at the credential, the terms and the data"),
        }
    }
}

impl From<ProvingError> for Failure {
    fn from(error: ProvingError) -> Self {
        match error {
            ProvingError::Open(error) => error.into(),
            ProvingError::Attempts(error) => error.into(),
            ProvingError::Verify(error) => error.into(),
            ProvingError::File(error) => error.into(),
            ProvingError::OtherSecret => Self::new(Exit::Key, "key.package", error.to_string())
                .remedy("use the wallet and the home directory with which this package was packed"),
            ProvingError::Property { ref offence, .. } => {
                let code = match offence.what {
                    Lack::Rows { .. } => "proof.small_class",
                    Lack::Values { .. } => "proof.not_diverse",
                    Lack::Order { .. } => "proof.order",
                    Lack::Apart { .. } => "proof.values_apart",
                    Lack::Outside { .. } => "proof.outside_chart",
                };
                Self::new(Exit::RefusedProof, code, error.to_string()).remedy(
                    "run `galen dataset deidentify` for what is claimed, and pack its result",
                )
            }
            ProvingError::Claims(error) => VerifyError::Claims(error).into(),
            ProvingError::Share(_) => Self::new(Exit::Input, "proof.share", error.to_string())
                .remedy("prove the block again, or fetch the shard again from its machine"),
            ProvingError::Shard(_) => Self::new(Exit::Input, "proof.shard", error.to_string())
                .remedy("name the blocks of this package and a folder of their own"),
            ProvingError::Mixed { .. } => Self::new(Exit::Input, "proof.mixed", error.to_string())
                .remedy("run `galen dataset prove`, which proves the whole table again"),
            ProvingError::Changed { .. } => {
                Self::new(Exit::Input, "package.changed", error.to_string())
                    .remedy("pack the data anew")
            }
            error => Self::new(Exit::RefusedProof, "proof.none", error.to_string())
                .remedy("what the proof would say is not true of the package"),
        }
    }
}
