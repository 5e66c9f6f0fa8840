//! `corral:host/kv`: state private to one plugin, where `kv` was granted.

use corral_domain::Right;

use crate::bindings::corral::host::kv::Host;
use crate::bindings::corral::types::types::Error;
use crate::guest::Guest;
use crate::guest_log::LogLevel;
use crate::kv::KvError;

impl Guest {
    fn kv(&self) -> Result<&crate::kv::Kv, Error> {
        self.require(Right::Kv)?;
        Ok(&self.plugin.kv)
    }
}

impl Host for Guest {
    async fn get(&mut self, key: String) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.kv()?.get(&key))
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> Result<(), Error> {
        self.kv()?.set(&key, value).map_err(|error| match error {
            KvError::Key => Error::InvalidInput(error.to_string()),
            KvError::Full => {
                self.plugin.log.write(LogLevel::Warn, &format!("`{key}` was not kept: {error}"));
                Error::Unavailable(error.to_string())
            }
        })
    }

    async fn delete(&mut self, key: String) -> Result<(), Error> {
        self.kv()?.delete(&key);
        Ok(())
    }

    async fn keys(&mut self, prefix: String) -> Result<Vec<String>, Error> {
        Ok(self.kv()?.keys(&prefix))
    }
}
