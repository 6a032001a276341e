//! What was measured, each beside its bound.

use std::time::Duration;

#[derive(Default)]
pub struct Report {
    missed: Vec<String>,
    kept: usize,
}

/// A measured value and how it is written.
#[derive(Clone, Copy)]
pub enum Value {
    Bytes(u64),
    Time(Duration),
    Number(f64),
    Count(usize),
    PerSecond(f64),
}

impl Report {
    pub fn title(&self, text: &str) {
        println!("\n{text}");
    }

    /// A value without a bound.
    pub fn shown(&self, what: &str, value: Value) {
        println!("  {what:<52} {:>12}", value.text());
    }

    /// A value and the bound that it must not pass.
    pub fn at_most(&mut self, what: &str, value: Value, bound: Value) {
        let kept = value.plain() <= bound.plain();
        let verdict = if kept { "ok" } else { "MISSED" };
        println!("  {what:<52} {:>12}   <= {:>10}   {verdict}", value.text(), bound.text());
        if kept {
            self.kept += 1;
        } else {
            self.missed.push(what.to_owned());
        }
    }

    /// Says how it went; whether every bound was kept.
    pub fn close(self) -> bool {
        println!("\n{} bounds kept, {} missed", self.kept, self.missed.len());
        for what in &self.missed {
            println!("  missed: {what}");
        }
        self.missed.is_empty()
    }
}

impl Value {
    fn plain(self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "a file or a memory is far below 2^52 bytes")]
            Self::Bytes(bytes) => bytes as f64,
            Self::Time(time) => time.as_secs_f64(),
            Self::Count(count) => f64::from(u32::try_from(count).unwrap_or(u32::MAX)),
            Self::Number(number) | Self::PerSecond(number) => number,
        }
    }

    fn text(self) -> String {
        let plain = self.plain();
        match self {
            Self::Bytes(_) if plain >= 1_048_576.0 => format!("{:.1} MiB", plain / 1_048_576.0),
            Self::Bytes(_) => format!("{:.1} KiB", plain / 1024.0),
            Self::Time(_) if plain >= 0.01 => format!("{:.0} ms", plain * 1e3),
            Self::Time(_) if plain >= 0.001 => format!("{:.1} ms", plain * 1e3),
            Self::Time(_) => format!("{:.0} us", plain * 1e6),
            Self::Number(number) => format!("{number:.2}"),
            Self::Count(count) => count.to_string(),
            Self::PerSecond(number) => format!("{number:.0} /s"),
        }
    }
}
