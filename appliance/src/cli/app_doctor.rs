//! `latchkey app doctor`: why an app's last logins were refused, in plain words, and what to do.

use clap::Args;
use domain::name::{ClientName, Username};

use crate::api::{Complaint, Diagnosis, Finding};

use super::app::one;
use super::app_trial::Preview;
use super::failure::Failure;
use super::output::{self, Format};
use super::shell::{Shell, read};

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The app
    name: ClientName,
    /// Also show what this person's tokens would say
    #[arg(long, value_name = "PERSON")]
    person: Option<Username>,
}

impl Doctor {
    pub(super) fn run(self, shell: &mut Shell<'_, '_>) -> Result<(), Failure> {
        let Self { name, person } = self;
        let answer = shell.get(&format!("{}/doctor", one(&name)))?;
        if shell.format() == Format::Json {
            shell.json(&answer)?;
        } else {
            tell(shell, &name, read(answer)?)?;
        }
        person.map_or(Ok(()), |person| Preview::usual(name, person).run(shell))
    }
}

fn tell(shell: &mut Shell<'_, '_>, name: &ClientName, found: Diagnosis) -> Result<(), Failure> {
    let Diagnosis { findings, refused } = found;
    if findings.is_empty() && refused.is_empty() {
        return shell.line(&format!("{name} looks well: nothing was refused since the server started."));
    }
    for Finding { text, cure } in findings {
        let fields = [("settings".to_owned(), text), ("what to do".to_owned(), cure)];
        let text = output::sheet(shell.width(), fields);
        shell.line(&format!("{text}\n"))?;
    }
    for complaint in refused {
        let Complaint { at, times, step, parameter, expected, came, cure } = complaint;
        let when = if times > 1 { format!("{} UTC, {times} times", at.short()) } else { format!("{} UTC", at.short()) };
        let fields = [
            ("refused".to_owned(), format!("{when}, {step}")),
            ("parameter".to_owned(), parameter),
            ("expected".to_owned(), expected),
            ("came".to_owned(), came),
            ("what to do".to_owned(), cure),
        ];
        let text = output::sheet(shell.width(), fields);
        shell.line(&format!("{text}\n"))?;
    }
    Ok(())
}
