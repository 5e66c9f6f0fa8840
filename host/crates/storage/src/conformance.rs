//! Tests that every store passes; written against the traits alone.
//!
//! Each function takes a fresh, empty store and panics where it does not keep its promise. [`crate::conformance_tests!`]
//! makes a `#[tokio::test]` of every one of them, so that no store can leave one out.

pub mod keys;
pub mod logs;
pub mod sample;
pub mod secrets;
pub mod state;
pub mod tokens;

/// Runs the whole suite. `$open` is an async function that gives a fresh store and something to keep alive while it is
/// used: `async fn open() -> (Store, Guard)`. The crate that calls it needs tokio.
#[macro_export]
macro_rules! conformance_tests {
    ($open:path) => {
        $crate::conformance_tests!(@tests $open, state:
            a_new_store_is_empty_and_has_an_epoch
            what_was_committed_is_there_whole
            facts_live_as_long_as_their_vm
            a_commit_is_all_or_nothing
            events_are_gapless_and_paged
            pruned_events_stay_counted
            load_gives_unfinished_jobs_with_all_their_tasks
            rows_are_replaced_and_removed
            pages_of_jobs_have_no_gap_and_no_double
            filters_of_jobs_agree_with_a_model
            tallies_of_jobs_agree_with_a_model
            commits_from_many_callers_are_each_whole
        );
        $crate::conformance_tests!(@tests $open, keys:
            a_key_is_stored_with_what_it_made
            a_key_is_forgotten_after_its_time
            the_newest_keys_are_kept
        );
        $crate::conformance_tests!(@tests $open, logs:
            a_log_grows_in_order_and_knows_its_end
            files_are_told_and_removed
            a_log_knows_how_far_the_output_was_taken_in_and_can_be_reopened
            a_chunk_that_does_not_begin_at_the_end_is_refused
            a_refused_chunk_takes_its_batch_with_it
            many_tasks_and_two_days_in_one_append
            windows_agree_with_a_model
            nothing_follows_a_complete_log
            any_bytes_come_back_as_they_were
            merging_keeps_every_line
            merging_leaves_a_damaged_chunk_alone
            merging_beside_readers_shows_every_line_once
        );
        $crate::conformance_tests!(@tests $open, tokens:
            a_token_is_found_by_its_hash_until_it_is_removed
            a_hash_is_stored_once
            of_many_removals_at_once_one_succeeds
            tokens_are_listed_by_kind_oldest_first
            expired_tokens_are_removed_and_no_others
        );
        $crate::conformance_tests!(@tests $open, secrets:
            a_secret_is_found_by_its_name_until_it_is_removed
            a_replaced_secret_keeps_when_it_was_made
            secrets_are_listed_by_name
        );
    };
    (@tests $open:path, $part:ident: $($name:ident)*) => {
        mod $part {
            use super::*;

            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let (store, _guard) = $open().await;
                    $crate::conformance::$part::$name(&store).await;
                }
            )*
        }
    };
}
