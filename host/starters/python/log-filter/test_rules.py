import unittest

import rules


class Rules(unittest.TestCase):
    def test_lines_are_cut_by_bytes_not_by_characters(self):
        self.assertEqual(rules.lines_of("aöb", [3, 4]), ["aö", "b"])

    def test_hidden_lines_go_and_others_are_marked_or_left_alone(self):
        config = {"hide": ["/healthz"], "mark": {"ERROR": "error"}}
        self.assertTrue(rules.is_hidden("GET /healthz", config))
        self.assertEqual(rules.level_of("ERROR", config), "error")
        self.assertIsNone(rules.level_of("GET /", config))
