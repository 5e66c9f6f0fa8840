//! Whether a `Match` line applies. What cannot be known without running something does not apply.

use crate::pattern::list_fits;

/// What is known when a `Match` line is reached.
pub struct Facts<'a> {
    /// The alias.
    pub original: &'a str,
    /// Its host name so far.
    pub host: &'a str,
    /// Who logs in, so far.
    pub user: Option<&'a str>,
    /// Who runs ssh.
    pub local_user: Option<&'a str>,
}

/// Whether all criteria hold.
pub fn applies(criteria: &[String], facts: &Facts<'_>) -> bool {
    let mut words =
        criteria.iter().flat_map(|word| word.split_once('=').map_or(vec![word.as_str()], |(a, b)| vec![a, b]));
    let mut any = false;
    while let Some(word) = words.next() {
        any = true;
        let (negated, name) = match word.strip_prefix('!') {
            Some(name) => (true, name),
            None => (false, word),
        };
        let mut against = |text: Option<&str>| {
            let list = words.next()?;
            Some(list_fits(list.split(','), text?))
        };
        let holds = match name.to_ascii_lowercase().as_str() {
            "all" => Some(true),
            "host" => against(Some(facts.host)),
            "originalhost" => against(Some(facts.original)),
            "user" => against(facts.user.or(facts.local_user)),
            "localuser" => against(facts.local_user),
            // `canonical` and `final` are about a second reading, which is not done.
            "canonical" | "final" => Some(false),
            // `exec` would run a command; the others depend on the moment or on options of the command line.
            _ => None,
        };
        if holds.is_none_or(|holds| holds == negated) {
            return false;
        }
    }
    any
}
