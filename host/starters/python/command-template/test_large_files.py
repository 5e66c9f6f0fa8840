import unittest

import large_files


class LargeFiles(unittest.TestCase):
    def test_a_size_is_given_in_blocks(self):
        self.assertEqual(large_files.argv("/tmp", 1)[-1], "+2048")

    def test_only_configured_folders_can_be_chosen(self):
        self.assertEqual(large_files.parameters(["/srv"])["properties"]["folder"]["enum"], ["/srv"])
