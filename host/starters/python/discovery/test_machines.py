import unittest

import machines


class Lists(unittest.TestCase):
    def test_comments_and_empty_lines_are_no_machines(self):
        found = machines.read("# fleet\n\nweb-1 10.0.0.11:2222 env=prod\n")
        self.assertEqual(found, [machines.Machine("web-1", "10.0.0.11", 2222, {"env": "prod"})])

    def test_a_bad_line_is_named(self):
        with self.assertRaisesRegex(ValueError, "line 2"):
            machines.read("a 1.1.1.1\nb 1.1.1.1 x\n")
