package dev.slipway.update;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.eclipse.jgit.api.Git;
import org.eclipse.jgit.api.Status;
import org.eclipse.jgit.api.errors.GitAPIException;
import org.eclipse.jgit.diff.DiffEntry;
import org.eclipse.jgit.diff.RawText;
import org.eclipse.jgit.diff.RenameDetector;
import org.eclipse.jgit.dircache.DirCache;
import org.eclipse.jgit.dircache.DirCacheBuilder;
import org.eclipse.jgit.dircache.DirCacheCheckout;
import org.eclipse.jgit.dircache.DirCacheEntry;
import org.eclipse.jgit.lib.CommitBuilder;
import org.eclipse.jgit.lib.Constants;
import org.eclipse.jgit.lib.FileMode;
import org.eclipse.jgit.lib.ObjectId;
import org.eclipse.jgit.lib.ObjectInserter;
import org.eclipse.jgit.lib.PersonIdent;
import org.eclipse.jgit.lib.Repository;
import org.eclipse.jgit.lib.RepositoryState;
import org.eclipse.jgit.merge.MergeStrategy;
import org.eclipse.jgit.merge.ResolveMerger;
import org.eclipse.jgit.revwalk.RevCommit;
import org.eclipse.jgit.revwalk.RevWalk;
import org.eclipse.jgit.treewalk.FileTreeIterator;
import org.eclipse.jgit.treewalk.TreeWalk;

/**
 * Merges what the template makes now into a project, with what it made before as the base. Git's own merge ends as this does: in a commit with two
 * parents, or in conflicts that {@code git mergetool} and {@code git merge --abort} know.
 */
final class Update {

    /** How a merge ended. @param conflicts paths to be resolved by hand; none if it is committed */
    record Result(boolean changed, Set<String> conflicts) {}

    private record File(FileMode mode, ObjectId content) {}

    private final Repository repository;

    Update(Repository repository) {
        this.repository = repository;
    }

    /** @throws Refused where a merge could not be taken back, or might touch what is in no commit */
    void check() throws Refused, IOException {
        if (repository.getRepositoryState() != RepositoryState.SAFE) {
            throw new Refused("A merge or rebase is in progress: end it, or git merge --abort; nothing was changed.");
        }
        String branch = repository.getFullBranch();
        if (branch == null || !branch.startsWith(Constants.R_HEADS)) {
            throw new Refused("HEAD is on no branch: git switch one; nothing was changed.");
        }
        if (repository.resolve(Constants.HEAD) == null) {
            throw new Refused("There is no commit yet: git add . and git commit; nothing was changed.");
        }
        if (!repository.getObjectDatabase().getShallowCommits().isEmpty()) {
            throw new Refused("This clone is shallow: git fetch --unshallow; nothing was changed.");
        }
        try (Git git = new Git(repository)) {
            Status status = git.status().call();
            if (!status.isClean()) {
                Set<String> paths = new TreeSet<>(status.getUncommittedChanges());
                paths.addAll(status.getUntracked());
                throw new Refused("What is in no commit might be lost: commit or git stash -u "
                        + paths.stream().limit(3).collect(Collectors.joining(", ")) + (paths.size() > 3 ? ", ..." : "") + "; nothing was changed.");
            }
        } catch (GitAPIException e) {
            throw new IOException(e);
        }
    }

    /**
     * @param before what the template made of this project's answers, a folder
     * @param now what it makes now
     * @param message of the merge
     * @throws Refused where a file that git ignores is in the way
     */
    Result merge(Path before, Path now, String message) throws Refused, IOException {
        try (ObjectInserter inserter = repository.newObjectInserter();
                RevWalk walk = new RevWalk(repository)) {
            RevCommit head = walk.parseCommit(repository.resolve(Constants.HEAD));
            Map<String, File> ours = files(head.getTree());
            Map<String, File> base = files(before, ours, inserter);
            Map<String, File> theirs = files(now, ours, inserter);
            if (base.equals(theirs)) {
                return new Result(false, Set.of());
            }
            ObjectId baseCommit = commit(inserter, tree(inserter, base), "What the template made", head.getAuthorIdent());
            ObjectId theirCommit = commit(inserter, tree(inserter, theirs), message, head.getAuthorIdent(), baseCommit);
            inserter.flush();

            // Git's merge follows a rename, of either side; JGit's does not, and so each is done on the other sides first.
            renames(tree(inserter, base), head.getTree()).forEach((from, to) -> {
                move(base, from, to);
                move(theirs, from, to);
            });
            ObjectId moved = tree(inserter, base);
            ObjectId movedTheirs = tree(inserter, theirs);
            inserter.flush();
            renames(moved, movedTheirs).forEach((from, to) -> {
                move(base, from, to);
                move(ours, from, to);
            });
            for (String path : theirs.keySet()) {
                if (!ours.containsKey(path) && !base.containsKey(path) && Files.exists(repository.getWorkTree().toPath().resolve(path), LinkOption.NOFOLLOW_LINKS)) {
                    throw new Refused(path + " is new in the template, and git ignores a file of that name here: move it away; nothing was changed.");
                }
            }
            ObjectId ourTree = tree(inserter, ours);
            ObjectId baseTree = tree(inserter, base);
            ObjectId theirTree = tree(inserter, theirs);
            inserter.flush();
            return merge(head, walk.parseTree(ourTree), walk.parseTree(baseTree), walk.parseTree(theirTree), theirCommit, message);
        }
    }

    private Result merge(RevCommit head, ObjectId ours, ObjectId base, ObjectId theirs, ObjectId theirCommit, String message) throws IOException {
        repository.writeOrigHead(head);
        repository.writeMergeHeads(List.of(theirCommit));
        repository.writeMergeCommitMsg(message);
        if (!ours.equals(head.getTree())) {
            new DirCacheCheckout(repository, head.getTree(), repository.lockDirCache(), ours).checkout();
        }
        ResolveMerger merger = (ResolveMerger) MergeStrategy.RESOLVE.newMerger(repository);
        merger.setBase(base);
        merger.setCommitNames(new String[] {"BASE", "HEAD", "template"});
        merger.setWorkingTreeIterator(new FileTreeIterator(repository));
        boolean clean = merger.merge(ours, theirs);
        if (!clean) {
            Set<String> conflicts = new TreeSet<>(merger.getUnmergedPaths());
            refresh();
            repository.writeMergeCommitMsg(message + "\n\n# Conflicts:\n#\t" + String.join("\n#\t", conflicts) + "\n");
            return new Result(true, conflicts);
        }
        new DirCacheCheckout(repository, ours, repository.lockDirCache(), merger.getResultTreeId()).checkout();
        try (Git git = new Git(repository)) {
            git.commit().setMessage(message).setNoVerify(true).setSign(false).call(); // Its second parent is MERGE_HEAD's.
        } catch (GitAPIException e) {
            throw new IOException(e);
        }
        return new Result(true, Set.of());
    }

    /**
     * Has git, where there is one, note what it goes by: JGit's index has no inode and owner, and git merge --abort refuses what it takes for changed.
     */
    private void refresh() throws IOException {
        try {
            new ProcessBuilder("git", "update-index", "-q", "--refresh")
                    .directory(repository.getWorkTree())
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start()
                    .waitFor();
        } catch (IOException e) { // There is none, and nobody to abort by it.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** The files of a commit. */
    private Map<String, File> files(ObjectId tree) throws IOException {
        Map<String, File> files = new TreeMap<>();
        try (TreeWalk walk = new TreeWalk(repository)) {
            walk.addTree(tree);
            walk.setRecursive(true);
            while (walk.next()) {
                files.put(walk.getPathString(), new File(walk.getFileMode(), walk.getObjectId(0)));
            }
        }
        return files;
    }

    /** The files of a folder, with the executable bits of the project where this system knows none, and with the project's line ends. */
    private Map<String, File> files(Path folder, Map<String, File> ours, ObjectInserter inserter) throws IOException {
        Map<String, File> files = new TreeMap<>();
        try (Stream<Path> paths = Files.walk(folder)) {
            for (Path path : (Iterable<Path>) paths.filter(Files::isRegularFile)::iterator) {
                String name = folder.relativize(path).toString().replace('\\', '/');
                File there = ours.get(name);
                boolean executable = repository.getFS().supportsExecute()
                        ? Files.getPosixFilePermissions(path).contains(PosixFilePermission.OWNER_EXECUTE)
                        : there != null && there.mode.equals(FileMode.EXECUTABLE_FILE);
                byte[] content = Files.readAllBytes(path);
                if (!RawText.isBinary(content)) {
                    content = text(content, there != null && hasCarriageReturns(there.content));
                }
                files.put(name, new File(executable ? FileMode.EXECUTABLE_FILE : FileMode.REGULAR_FILE, inserter.insert(Constants.OBJ_BLOB, content)));
            }
        }
        return files;
    }

    private static byte[] text(byte[] content, boolean carriageReturns) {
        String text = new String(content, StandardCharsets.ISO_8859_1).replace("\r\n", "\n");
        return (carriageReturns ? text.replace("\n", "\r\n") : text).getBytes(StandardCharsets.ISO_8859_1);
    }

    private boolean hasCarriageReturns(ObjectId content) throws IOException {
        byte[] bytes = repository.open(content).getBytes();
        return !RawText.isBinary(bytes) && RawText.isCrLfText(bytes);
    }

    /** Files of one side that are elsewhere in another, by content, as git finds them: at least half of it is the same. */
    private Map<String, String> renames(ObjectId from, ObjectId to) throws IOException {
        RenameDetector detector = new RenameDetector(repository);
        detector.setRenameScore(50);
        try (TreeWalk walk = new TreeWalk(repository)) {
            walk.addTree(from);
            walk.addTree(to);
            walk.setRecursive(true);
            detector.addAll(DiffEntry.scan(walk));
        }
        Map<String, String> renames = new TreeMap<>();
        for (DiffEntry entry : detector.compute()) {
            if (entry.getChangeType() == DiffEntry.ChangeType.RENAME) {
                renames.put(entry.getOldPath(), entry.getNewPath());
            }
        }
        return renames;
    }

    private static void move(Map<String, File> files, String from, String to) {
        if (files.containsKey(from) && !files.containsKey(to)) {
            files.put(to, files.remove(from));
        }
    }

    private static ObjectId tree(ObjectInserter inserter, Map<String, File> files) throws IOException {
        DirCache index = DirCache.newInCore();
        DirCacheBuilder builder = index.builder();
        files.forEach((path, file) -> {
            DirCacheEntry entry = new DirCacheEntry(path);
            entry.setFileMode(file.mode);
            entry.setObjectId(file.content);
            builder.add(entry);
        });
        builder.finish();
        return index.writeTree(inserter);
    }

    private static ObjectId commit(ObjectInserter inserter, ObjectId tree, String message, PersonIdent author, ObjectId... parents) throws IOException {
        CommitBuilder commit = new CommitBuilder();
        commit.setTreeId(tree);
        commit.setParentIds(parents);
        commit.setAuthor(author);
        commit.setCommitter(author);
        commit.setMessage(message);
        return inserter.insert(commit);
    }
}
