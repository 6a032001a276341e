//! `latchkey app claim`: claims that only one app gets.

use clap::{Args, Subcommand};
use domain::name::{ClientName, GroupName};
use serde_json::Value;

use crate::api::{ClaimRule, GroupValue};
use crate::http::Method;

use super::failure::Failure;
use super::shell::{Shell, path, segment};
use super::value::Pair;

#[derive(Debug, Subcommand)]
pub(crate) enum ClaimVerb {
    /// Say how a claim is made; replaces what was said before
    #[command(after_help = "\
Values are JSON. What is not JSON is taken as text: --group parents=editor and --group 'parents=\"editor\"' are the same.

Examples:
  latchkey app claim set grafana role --group owners=Admin --group family=Viewer --combine first
  latchkey app claim set photos quota --group parents=500 --group kids=50
  latchkey app claim set wiki languages --attribute locale --placement userinfo")]
    Set(SetClaim),
    /// Take a claim away
    #[command(visible_alias = "rm", after_help = "Example:\n  latchkey app claim remove grafana role")]
    Remove(RemoveClaim),
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("source").args(["attribute", "values"]).required(true).multiple(true))]
pub(crate) struct SetClaim {
    /// The app
    name: ClientName,
    /// The claim's name in the token
    claim: String,
    /// What the members of a group get: any JSON value; may be repeated, the first group that fits wins with `first`
    #[arg(long = "group", value_name = "GROUP=VALUE")]
    values: Vec<Pair>,
    /// An attribute to take the value from
    #[arg(long, value_name = "ATTRIBUTE")]
    attribute: Option<String>,
    /// How several values become one
    #[arg(long, default_value = "first", value_parser = ["first", "union", "merge", "join"])]
    combine: String,
    /// Where the claim goes
    #[arg(long, default_value = "both", value_parser = ["both", "id_token", "userinfo"])]
    placement: String,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveClaim {
    /// The app
    name: ClientName,
    /// The claim's name in the token
    claim: String,
}

impl ClaimVerb {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        match self {
            Self::Set(set) => set.run(shell),
            Self::Remove(RemoveClaim { name, claim }) => {
                let which = format!("{}?name={}", path(&["apps", name.as_str(), "claims"]), segment(&claim));
                let answer = shell.bare(Method::Delete, &which)?;
                shell.changed(answer, "claim", &format!("{claim} of {name}"))
            }
        }
    }
}

impl SetClaim {
    fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        let values = self.values.into_iter().map(group_value).collect::<Result<_, _>>()?;
        let rule = ClaimRule {
            name: self.claim,
            attribute: self.attribute.map(|key| key.replace('-', "_")),
            values,
            combine: self.combine,
            placement: self.placement,
        };
        let answer = shell.send(Method::Put, &path(&["apps", self.name.as_str(), "claims"]), &rule)?;
        shell.changed(answer, "claim", &format!("{} of {}", rule.name, self.name))
    }
}

fn group_value(Pair { left, right }: Pair) -> Result<GroupValue, Failure> {
    let group: GroupName =
        left.parse().map_err(|why| Failure::Usage(format!("{left:?} is no name of a group: {why}")))?;
    Ok(GroupValue { group: group.into(), value: json_or_text(right)? })
}

/// Somebody who begins an object, a list or a text means JSON; a mistake in it must not become a text silently.
fn json_or_text(raw: String) -> Result<Value, Failure> {
    match serde_json::from_str(&raw) {
        Ok(value) => Ok(value),
        Err(why) if raw.trim_start().starts_with(['{', '[', '"']) => {
            Err(Failure::Usage(format!("{raw:?} begins like JSON and is none: {why}")))
        }
        Err(_) => Ok(Value::String(raw)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_word_is_a_text_and_json_is_what_it_says() {
        for (raw, value) in [
            ("editor", json!("editor")),
            ("\"7\"", json!("7")),
            ("7", json!(7)),
            ("true", json!(true)),
            ("{\"a\": [1]}", json!({"a": [1]})),
            ("", json!("")),
        ] {
            assert_eq!(json_or_text(raw.to_owned()).unwrap(), value);
        }
        for bad in ["{a: 1}", "[1,", "\"open"] {
            assert!(json_or_text(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
