import unittest

from support import requires


@requires('sklearn', 'pandas')
class SampleModelTest(unittest.TestCase):
    def setUp(self) -> None:
        import data

        self.data = data

    def test_one_seed_gives_one_split_and_another_gives_another(self) -> None:
        first, again, other = self.data.load_split(7), self.data.load_split(7), self.data.load_split(8)
        self.assertTrue(first.holdout_x.equals(again.holdout_x))
        self.assertFalse(first.holdout_x.equals(other.holdout_x))
        self.assertEqual(first.fingerprint, other.fingerprint)

    def test_no_row_is_both_trained_on_and_held_out(self) -> None:
        split = self.data.load_split()
        trained = set(map(tuple, split.train_x.to_numpy()))
        held_out = list(map(tuple, split.holdout_x.to_numpy()))
        self.assertEqual((len(split.train_x), len(held_out)), (398, 171))
        self.assertEqual([row for row in held_out if row in trained], [])

    def test_the_fingerprint_changes_with_a_value_a_label_or_a_name(self) -> None:
        split = self.data.load_split()
        features, target = split.holdout_x, split.holdout_y
        before = self.data.fingerprint(features, target)
        value = features.copy()
        value.iloc[0, 0] += 1e-12
        label = target.copy()
        label.iloc[0] = 1 - label.iloc[0]
        name = features.rename(columns={'mean radius': 'radius'})
        for changed in ((value, target), (features, label), (name, target)):
            self.assertNotEqual(self.data.fingerprint(*changed), before)
        self.assertRegex(before, r'^sha256:[0-9a-f]{64}$')


if __name__ == '__main__':
    unittest.main()
