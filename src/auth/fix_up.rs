//! From the list a client wants to the list a node keeps.

use crate::auth::AuthRules;
use crate::auth::check::is_world;
use crate::types::{Acl, ErrorCode, Id, Perms};

/// An entry as a request carries it: both texts may be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawAcl<'a> {
    /// Permission bits, kept as they are.
    pub perms: i32,
    /// Scheme.
    pub scheme: Option<&'a str>,
    /// Name within the scheme.
    pub id: Option<&'a str>,
}

/// Checks the wanted list and expands its `auth` entries to the identities `who` that name a creator.
///
/// # Errors
/// `InvalidAcl` for an empty list, a null or unregistered scheme, an id that its scheme refuses, or
/// `auth` from someone without an identity that names a creator. `MarshallingError` for a null id.
// apache 3.9.5: server/PrepRequestProcessor.java fixupACL
pub fn fix_up(rules: &AuthRules, wanted: &[RawAcl<'_>], who: &[Id]) -> Result<Vec<Acl>, ErrorCode> {
    if let [only] = wanted
        && let (Some(scheme), Some(id)) = (only.scheme, only.id)
        && is_world(scheme, id)
    {
        return Ok(vec![Acl::new(Perms(only.perms), scheme, id)]);
    }
    let wanted = without_duplicates(wanted)?;
    if wanted.is_empty() {
        return Err(ErrorCode::InvalidAcl);
    }
    let mut kept = Vec::with_capacity(wanted.len());
    for entry in wanted {
        let scheme = entry.scheme.ok_or(ErrorCode::InvalidAcl)?;
        if scheme == "auth" {
            expand(rules, Perms(entry.perms), who, &mut kept)?;
        } else {
            check_id(rules, scheme, entry.id)?;
            let id = entry.id.expect("check_id refused a null id");
            kept.push(Acl::new(Perms(entry.perms), scheme, id));
        }
    }
    Ok(kept)
}

/// `auth`: one entry per identity that names a creator. What expands to the same entry twice is kept twice.
fn expand(
    rules: &AuthRules,
    perms: Perms,
    who: &[Id],
    kept: &mut Vec<Acl>,
) -> Result<(), ErrorCode> {
    let names_creator = |id: &&Id| {
        rules
            .provider(&id.scheme)
            .is_some_and(|provider| provider.identifies_creators())
    };
    let before = kept.len();
    kept.extend(who.iter().filter(names_creator).map(|id| Acl {
        perms,
        id: id.clone(),
    }));
    if kept.len() == before {
        return Err(ErrorCode::InvalidAcl);
    }
    Ok(())
}

/// A scheme other than `auth`: is the id one that it can name?
fn check_id(rules: &AuthRules, scheme: &str, id: Option<&str>) -> Result<(), ErrorCode> {
    if scheme == "world" {
        // The world is asked for its id before anybody asks whether it has a provider.
        return match id {
            None => Err(ErrorCode::MarshallingError),
            Some(id) if is_world(scheme, id) => Ok(()),
            Some(_) => Err(ErrorCode::InvalidAcl),
        };
    }
    let provider = rules.provider(scheme).ok_or(ErrorCode::InvalidAcl)?;
    let id = id.ok_or(ErrorCode::MarshallingError)?;
    if provider.accepts(id) {
        Ok(())
    } else {
        Err(ErrorCode::InvalidAcl)
    }
}

/// Drops exact repetitions; the first stays.
fn without_duplicates<'a>(wanted: &[RawAcl<'a>]) -> Result<Vec<RawAcl<'a>>, ErrorCode> {
    let mut unique: Vec<RawAcl<'a>> = Vec::with_capacity(wanted.len());
    for entry in wanted {
        let mut repeated = false;
        for earlier in &unique {
            repeated = repeated || is_repetition(entry, earlier)?;
        }
        if !repeated {
            unique.push(*entry);
        }
    }
    Ok(unique)
}

/// Java's generated `equals`, called on the later entry: it looks at the bits, then the scheme, then the
/// id, and a null of its own that it comes to look at is an exception. So two `auth` entries with null
/// ids are refused, while one is welcome.
// apache 3.9.5: server/PrepRequestProcessor.java removeDuplicates; jute compiler/JCompType.java genJavaEquals
fn is_repetition(entry: &RawAcl<'_>, earlier: &RawAcl<'_>) -> Result<bool, ErrorCode> {
    if entry.perms != earlier.perms {
        return Ok(false);
    }
    let scheme = entry.scheme.ok_or(ErrorCode::MarshallingError)?;
    if earlier.scheme != Some(scheme) {
        return Ok(false);
    }
    let id = entry.id.ok_or(ErrorCode::MarshallingError)?;
    Ok(earlier.id == Some(id))
}

#[cfg(test)]
mod tests;
