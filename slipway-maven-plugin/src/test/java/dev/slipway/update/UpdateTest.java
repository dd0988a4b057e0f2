package dev.slipway.update;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.eclipse.jgit.api.Git;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Random changes of a user and of a template, against what git's own commands make of them. */
class UpdateTest {

    @TempDir
    Path folder;

    /** Of each file by {@code git merge-file}: conflicts are where both changed the same, and nowhere else; and all can be taken back. */
    @Test
    void aHundredHistoriesMergeAsGitMergesThem() throws Exception {
        int clean = 0;
        int conflicts = 0;
        for (int seed = 0; seed < 100; seed++) {
            Random random = new Random(seed);
            Path here = Files.createDirectories(folder.resolve("seed " + seed));
            Map<String, List<String>> before = new TreeMap<>();
            for (int file = 0; file < 8; file++) {
                int number = file;
                before.put((file % 3 == 0 ? "folder/" : "") + "file-" + file, new ArrayList<>(IntStream.range(0, 30).mapToObj(line -> "line " + line + " of " + number).toList()));
            }
            Map<String, List<String>> ours = edited(before, random, "ours");
            Map<String, List<String>> now = edited(before, random, "now");
            write(here.resolve("before"), before);
            write(here.resolve("now"), now);
            write(here.resolve("project"), before);
            try (Git git = Git.init().setDirectory(here.resolve("project").toFile()).call()) {
                commit(git, "generated");
                for (String path : before.keySet()) {
                    Files.delete(here.resolve("project").resolve(path));
                }
                write(here.resolve("project"), ours);
                commit(git, "changed");
                Update update = new Update(git.getRepository());
                update.check();
                String head = git.getRepository().resolve("HEAD").name();

                Update.Result result = update.merge(here.resolve("before"), here.resolve("now"), "Update");

                Set<String> expected = new TreeSet<>();
                Set<String> paths = new TreeSet<>(before.keySet());
                paths.addAll(ours.keySet());
                paths.addAll(now.keySet());
                for (String path : paths) {
                    String merged = merged(here, path, before.get(path), ours.get(path), now.get(path));
                    if (merged == null) {
                        expected.add(path);
                    } else if (merged.isEmpty()) {
                        assertThat(here.resolve("project").resolve(path)).as("seed %d", seed).doesNotExist();
                    } else {
                        assertThat(here.resolve("project").resolve(path)).as("seed %d", seed).content().isEqualTo(merged);
                    }
                }
                assertThat(result.conflicts()).as("seed %d", seed).isEqualTo(expected);
                if (expected.isEmpty()) {
                    clean++;
                    assertThat(git(here.resolve("project"), "status", "--porcelain")).isEmpty();
                } else {
                    conflicts += expected.size();
                    git(here.resolve("project"), "merge", "--abort");
                    assertThat(git.getRepository().resolve("HEAD").name()).isEqualTo(head);
                    assertThat(git(here.resolve("project"), "status", "--porcelain")).as("seed %d", seed).isEmpty();
                    assertThat(read(here.resolve("project"))).as("seed %d", seed).isEqualTo(ours);
                }
            }
        }
        System.out.println("Of 100 histories " + clean + " merged clean; the others had " + conflicts + " conflicts, each where both had changed the same.");
        assertThat(clean).isBetween(20, 90);
    }

    @Test
    void aFileThatTheUserRenamedGetsWhatTheTemplateChangesInIt() throws Exception {
        Map<String, List<String>> before = Map.of("old", IntStream.range(0, 30).mapToObj(line -> "line " + line).toList());
        Map<String, List<String>> now = Map.of("old", Stream.concat(Stream.of("new"), before.get("old").stream()).toList());
        Map<String, List<String>> expected = Map.of("renamed", now.get("old"));

        assertThat(updated(before, Map.of("renamed", before.get("old")), now)).isEqualTo(expected);
    }

    @Test
    void aFileThatTheTemplateRenamesKeepsWhatTheUserChangedInIt() throws Exception {
        Map<String, List<String>> before = Map.of("old", IntStream.range(0, 30).mapToObj(line -> "line " + line).toList());
        List<String> changed = Stream.concat(Stream.of("mine"), before.get("old").stream()).toList();

        assertThat(updated(before, Map.of("old", changed), Map.of("renamed", before.get("old")))).isEqualTo(Map.of("renamed", changed));
    }

    private Map<String, List<String>> updated(Map<String, List<String>> before, Map<String, List<String>> ours, Map<String, List<String>> now) throws Exception {
        write(folder.resolve("before"), before);
        write(folder.resolve("now"), now);
        write(folder.resolve("project"), ours);
        try (Git git = Git.init().setDirectory(folder.resolve("project").toFile()).call()) {
            commit(git, "changed");
            assertThat(new Update(git.getRepository()).merge(folder.resolve("before"), folder.resolve("now"), "Update").conflicts()).isEmpty();
        }
        return read(folder.resolve("project"));
    }

    /** Lines changed, added and removed, files deleted and added. */
    private static Map<String, List<String>> edited(Map<String, List<String>> files, Random random, String by) {
        Map<String, List<String>> edited = new TreeMap<>();
        files.forEach((path, lines) -> {
            List<String> copy = new ArrayList<>(lines);
            int kind = random.nextInt(10);
            if (kind == 0) {
                return;
            }
            for (int i = 0; kind < 5 && i < 1 + random.nextInt(2); i++) {
                int at = random.nextInt(copy.size());
                switch (random.nextInt(3)) {
                    case 0 -> copy.set(at, by + " changed " + copy.get(at));
                    case 1 -> copy.add(at, by + " added " + random.nextInt());
                    default -> copy.remove(at);
                }
            }
            edited.put(path, copy);
        });
        edited.put("new-of-" + by, IntStream.range(0, 20).mapToObj(line -> by + " " + random.nextInt()).toList());
        return edited;
    }

    /** What git merge-file makes of three files; nothing if there is none, and null if it needs a hand. */
    private String merged(Path here, String path, List<String> before, List<String> ours, List<String> now) throws Exception {
        if (ours == null || now == null || before == null) {
            List<String> left = ours == null ? now : ours;
            boolean gone = before != null;
            if (gone && left != null && !left.equals(before)) {
                return null;
            }
            return gone || left == null ? "" : text(left);
        }
        Path one = Files.writeString(here.resolve("ours.txt"), text(ours));
        Path base = Files.writeString(here.resolve("base.txt"), text(before));
        Path other = Files.writeString(here.resolve("other.txt"), text(now));
        Process process = new ProcessBuilder("git", "merge-file", "-p", one.toString(), base.toString(), other.toString())
                .redirectOutput(here.resolve("merged.txt").toFile()).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        return process.waitFor() == 0 ? Files.readString(here.resolve("merged.txt")) : null;
    }

    private static String text(List<String> lines) {
        return lines.stream().map(line -> line + "\n").collect(Collectors.joining());
    }

    private static void write(Path folder, Map<String, List<String>> files) throws IOException {
        for (var file : files.entrySet()) {
            Path path = folder.resolve(file.getKey());
            Files.createDirectories(path.getParent());
            Files.writeString(path, text(file.getValue()));
        }
    }

    private static Map<String, List<String>> read(Path folder) throws IOException {
        Map<String, List<String>> files = new TreeMap<>();
        try (Stream<Path> paths = Files.walk(folder)) {
            for (Path path : (Iterable<Path>) paths.filter(Files::isRegularFile).filter(path -> !path.startsWith(folder.resolve(".git")))::iterator) {
                files.put(folder.relativize(path).toString(), Files.readAllLines(path));
            }
        }
        return files;
    }

    private static void commit(Git git, String message) throws Exception {
        git.add().addFilepattern(".").call();
        git.add().addFilepattern(".").setUpdate(true).call();
        git.commit().setMessage(message).setAuthor("A", "a@example.com").setCommitter("A", "a@example.com").setSign(false).call();
    }

    private static String git(Path folder, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of("git"));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes());
        assertThat(process.waitFor()).as(said).isZero();
        return said;
    }
}
