"""Which backups count, what is removed with them, and what a restore brings back: with a store that is a dictionary."""

import hashlib
import importlib.machinery
import importlib.util
import json
import sys
import types
import unittest
from pathlib import Path
from unittest import mock

from support import ROOT, environment


def load():
    """The program, which has no ending by which Python would know it. The database is not asked here."""
    sys.modules.setdefault('psycopg2', types.SimpleNamespace(Error=OSError))
    loader = importlib.machinery.SourceFileLoader('mlops_backup', str(ROOT / 'images' / 'backup' / 'mlops-backup'))
    with mock.patch.object(sys, 'dont_write_bytecode', True):
        module = importlib.util.module_from_spec(importlib.util.spec_from_loader('mlops_backup', loader))
        loader.exec_module(module)
    return module


program = load()
SETTINGS = {
    'ARTIFACTS_BUCKET': 'models',
    'TARGET_BUCKET': 'backups',
    'BACKUP_PREFIX': 'test',
    'BACKUP_ARTIFACTS_KEEP_DAYS': '0',
}


class Store:
    """Objects by remote path, with as much of rclone as the program uses."""

    def __init__(self) -> None:
        self.objects: dict[str, str] = {}

    def backup(self, stamp: str, dump: str = 'a dump', manifest: bool = True) -> None:
        self.objects[f'target:backups/test/database/{stamp}.dump'] = dump
        if manifest:
            database = {'bytes': len(dump), 'sha256': hashlib.sha256(dump.encode()).hexdigest(), 'rows': {}}
            self.objects[f'target:backups/test/backups/{stamp}.json'] = json.dumps({'time': stamp, 'database': database})

    def names(self, folder: str) -> list[str]:
        return sorted(path.removeprefix(f'{folder}/') for path in self.objects if path.startswith(f'{folder}/'))

    def __call__(self, command: str, *arguments: str, stdin: str | None = None) -> str:
        paths = [argument for argument in arguments if not argument.startswith('--')]
        if command == 'lsjson':
            return json.dumps(
                [{'Path': name, 'Size': len(self.objects[f'{paths[0]}/{name}'])} for name in self.names(paths[0])]
            )
        if command == 'cat':
            return self.objects[paths[0]]
        if command == 'deletefile':
            if self.objects.pop(paths[0], None) is None:
                raise program.Problem('object not found')
        elif command == 'purge':
            for name in self.names(paths[0]):
                del self.objects[f'{paths[0]}/{name}']
        elif command == 'copyto':
            Path(paths[1]).write_text(self.objects[paths[0]], encoding='utf-8')
        elif command == 'copy':
            for name in Path(paths[2]).read_text(encoding='utf-8').splitlines():
                self.objects[f'{paths[1]}/{name}'] = self.objects[f'{paths[0]}/{name}']
        return ''


class BackupTest(unittest.TestCase):
    def setUp(self) -> None:
        self.store = Store()
        for patch in (
            mock.patch.object(program, 'rclone', self.store),
            mock.patch.object(program, 'say'),
            environment(**SETTINGS, BACKUP_KEEP='2'),
        ):
            patch.start()
            self.addCleanup(patch.stop)

    def test_a_dump_without_manifest_or_of_another_size_is_no_backup(self) -> None:
        self.store.backup('20260101T000000Z')
        self.store.backup('20260102T000000Z', manifest=False)
        self.store.backup('20260103T000000Z')
        self.store.objects['target:backups/test/database/20260103T000000Z.dump'] = 'half'
        complete = {found['time']: found['complete'] for found in program.backups()}
        self.assertEqual(
            complete, {'20260103T000000Z': False, '20260102T000000Z': False, '20260101T000000Z': True}
        )
        self.assertEqual(program.chosen('latest')['time'], '20260101T000000Z')
        for at in ('20260102T000000Z', '20260103T000000Z', '20250101T000000Z'):
            with self.assertRaisesRegex(program.Problem, 'use one of 20260101T000000Z'):
                program.chosen(at)

    def test_old_and_half_made_backups_go_and_with_them_what_none_that_is_kept_needs(self) -> None:
        for day in '1234':
            self.store.backup(f'2026010{day}T000000Z', manifest=day != '2')
            self.store.objects[f'target:backups/test/removed/2026010{day}T000000Z/old'] = day
        program.prune('20260104T000000Z')
        kept = ['20260103T000000Z', '20260104T000000Z']
        self.assertEqual(self.store.names('target:backups/test/database'), [f'{stamp}.dump' for stamp in kept])
        self.assertEqual(self.store.names('target:backups/test/backups'), [f'{stamp}.json' for stamp in kept])
        # What the backup of the third removed was gone when it was made: the fourth alone is needed, by the third.
        self.assertEqual(program.removals(), ['20260104T000000Z'])

    def test_a_restore_brings_back_each_artifact_as_it_was(self) -> None:
        target = 'target:backups/test'
        self.store.objects |= {
            f'{target}/artifacts/same': 'same',
            f'{target}/artifacts/changed': 'third',
            f'{target}/removed/20260102T000000Z/changed': 'first',
            f'{target}/removed/20260103T000000Z/changed': 'second',
            f'{target}/removed/20260103T000000Z/deleted': 'deleted',
            f'{target}/removed/20260101T000000Z/before': 'gone already',
            'artifacts:models/new': 'not in any backup',
        }
        scratch = Path(self.enterContext(program.tempfile.TemporaryDirectory()))
        self.assertEqual(program.restore_artifacts('20260101T000000Z', scratch), 3)
        found = {name: self.store.objects[f'artifacts:models/{name}'] for name in self.store.names('artifacts:models')}
        self.assertEqual(
            found, {'same': 'same', 'changed': 'first', 'deleted': 'deleted', 'new': 'not in any backup'}
        )

    def test_a_dump_that_was_changed_is_found_before_anything_is(self) -> None:
        self.store.backup('20260101T000000Z')
        self.store.objects['target:backups/test/database/20260101T000000Z.dump'] = 'b dump'
        with (
            mock.patch.object(program, 'connection'),
            mock.patch.object(program, 'restore_artifacts') as artifacts,
            mock.patch.object(program, 'restore_database') as database,
            self.assertRaisesRegex(program.Problem, 'its sha256 differs; nothing was changed'),
        ):
            program.restore('latest')
        artifacts.assert_not_called()
        database.assert_not_called()

    def test_a_registry_that_lost_most_of_what_it_had_is_not_backed_up(self) -> None:
        program.check_loss('rows', 100, 50)
        program.check_loss('rows', 0, 0)
        with self.assertRaisesRegex(program.Problem, 'has 49 rows, and had 100 .* --accept-loss'):
            program.check_loss('rows', 100, 49)

    def test_rows_that_came_later_are_no_loss(self) -> None:
        program.compare_rows({'a': 1}, {'a': 2, 'b': 1})
        for got in ({'a': 0}, {}):
            with self.assertRaisesRegex(program.Problem, 'fewer rows than the backup: a: '):
                program.compare_rows({'a': 1}, got)


if __name__ == '__main__':
    unittest.main()
