//! Options for every row of the `ATTRIBUTES` table: a new row is a new option by itself.

use std::collections::BTreeMap;

use clap::error::Error;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use domain::attribute::{ATTRIBUTES, AttributeDef, AttributeKind};
use serde_json::Value;

/// What was asked for about attributes; `SERVICE` leaves out what only persons have.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Attributes<const SERVICE: bool> {
    /// Values by attribute; null clears one.
    pub(crate) values: BTreeMap<String, Value>,
}

/// The attributes of a person.
pub(crate) type PersonAttributes = Attributes<false>;
/// The attributes of a service account.
pub(crate) type ServiceAttributes = Attributes<true>;

impl<const SERVICE: bool> Attributes<SERVICE> {
    fn defs() -> impl Iterator<Item = &'static AttributeDef> {
        ATTRIBUTES.iter().filter(|def| def.service || !SERVICE)
    }
}

impl<const SERVICE: bool> Args for Attributes<SERVICE> {
    fn augment_args(command: Command) -> Command {
        Self::augment_args_for_update(command)
    }

    fn augment_args_for_update(mut command: Command) -> Command {
        for def in Self::defs() {
            command = command.arg(option(def));
        }
        let clear = Arg::new("clear")
            .long("clear")
            .value_name("ATTRIBUTE")
            .action(ArgAction::Append)
            .value_parser(Self::defs().map(|def| dashed(def.key)).collect::<Vec<_>>())
            .help("Take the value of an attribute away; may be repeated")
            .help_heading("Attributes");
        command.arg(clear)
    }
}

impl<const SERVICE: bool> FromArgMatches for Attributes<SERVICE> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut found = Self::default();
        found.update_from_arg_matches(matches)?;
        Ok(found)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        for def in Self::defs() {
            let given: Vec<String> = matches.get_many(def.key).into_iter().flatten().cloned().collect();
            if given.is_empty() {
                continue;
            }
            let value = match def.kind {
                AttributeKind::MailList => Value::from(given),
                AttributeKind::Label | AttributeKind::Locale | AttributeKind::Zone | AttributeKind::Phone => {
                    given.into_iter().next_back().map_or(Value::Null, Value::from)
                }
            };
            self.values.insert(def.key.to_owned(), value);
        }
        for cleared in matches.get_many::<String>("clear").into_iter().flatten() {
            self.values.insert(cleared.replace('-', "_"), Value::Null);
        }
        Ok(())
    }
}

fn option(def: &'static AttributeDef) -> Arg {
    let (value_name, more, action) = match def.kind {
        AttributeKind::Label => ("TEXT", "", ArgAction::Set),
        AttributeKind::MailList => ("ADDRESS", "; repeat it for more, the first is the primary one", ArgAction::Append),
        AttributeKind::Locale => ("TAG", ", as in de-AT", ArgAction::Set),
        AttributeKind::Zone => ("ZONE", ", as in Europe/Vienna", ArgAction::Set),
        AttributeKind::Phone => ("NUMBER", ", as in +43 1 234567", ArgAction::Set),
    };
    Arg::new(def.key)
        .long(dashed(def.key))
        .value_name(value_name)
        .action(action)
        .value_parser(move |raw: &str| match def.parse(&Value::from(raw)) {
            Ok(Some(_)) => Ok(raw.to_owned()),
            Ok(None) => Err(format!("give a value, or take it away with --clear {}", dashed(def.key))),
            Err(why) => Err(why.to_string()),
        })
        .help(format!("{}{more}", def.title))
        .help_heading("Attributes")
}

fn dashed(key: &str) -> String {
    key.replace('_', "-")
}

/// What people see an attribute called.
pub(super) fn title(key: &str) -> String {
    domain::attribute::by_key(key).map_or_else(|| key.to_owned(), |def| def.title.to_lowercase())
}
