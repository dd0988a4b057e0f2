package dev.slipway.update;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.maven.execution.MavenSession;
import org.apache.maven.plugin.AbstractMojo;
import org.apache.maven.plugin.MojoExecutionException;
import org.apache.maven.plugin.MojoFailureException;
import org.apache.maven.plugins.annotations.Mojo;
import org.apache.maven.plugins.annotations.Parameter;
import org.eclipse.jgit.errors.RepositoryNotFoundException;
import org.eclipse.jgit.lib.Repository;
import org.eclipse.jgit.storage.file.FileRepositoryBuilder;

/** Brings the project in this folder to another version of the template, or to other answers, by a merge in git. */
@Mojo(name = "update", requiresProject = false, aggregator = true)
public final class UpdateMojo extends AbstractMojo {

    /** Answers of the archetype; {@code -D} of one of them changes it. */
    private static final Set<String> QUESTIONS =
            Set.of("groupId", "artifactId", "version", "package", "dbImage", "httpPort", "cluster", "license", "monitoring", "mixnet");

    /** The version of the template to go to. */
    @Parameter(property = "slipway.version", defaultValue = "${plugin.version}")
    private String version;

    /** The version of the template that made a project that has no {@code .slipway.properties}. */
    @Parameter(property = "from")
    private String from;

    @Parameter(defaultValue = "${session}", readonly = true)
    private MavenSession session;

    @Override
    public void execute() throws MojoExecutionException, MojoFailureException {
        Path project = Path.of(session.getExecutionRootDirectory());
        Path work = null;
        try (Repository repository = open(project)) {
            Update update = new Update(repository);
            update.check();
            Map<String, String> asked = asked(session.getUserProperties());
            Answers before = from == null ? Answers.read(project) : new Answers(from, asked);
            Answers now = before.with(version, asked);
            work = Files.createTempDirectory("update");
            Generator generator = new Generator(
                    new File(System.getProperty("maven.home")),
                    session.getRequest().getUserSettingsFile(),
                    new File(session.getLocalRepository().getBasedir()),
                    session.isOffline());
            Path old = generator.generate(before, Files.createDirectory(work.resolve("before")));
            Path next = generator.generate(now, Files.createDirectory(work.resolve("now")));
            Update.Result result = update.merge(old, next, "Update from " + before.archetypeVersion() + " to " + now.archetypeVersion() + " of the template");
            if (!result.changed()) {
                getLog().info("Nothing is new.");
            } else if (result.conflicts().isEmpty()) {
                getLog().info("Merged: git show -m --stat");
            } else {
                throw new MojoFailureException("Merged but for what both changed: " + String.join(", ", result.conflicts())
                        + ". git mergetool and git commit, or git merge --abort.");
            }
        } catch (Refused e) {
            throw new MojoFailureException(e.getMessage());
        } catch (IOException e) {
            throw new MojoExecutionException("The update broke off: " + e.getMessage() + ". git merge --abort takes back what there is of it.", e);
        } finally {
            delete(work);
        }
    }

    private static Repository open(Path project) throws Refused, IOException {
        try {
            return new FileRepositoryBuilder().setGitDir(null).setMustExist(true).setWorkTree(project.toFile()).build();
        } catch (RepositoryNotFoundException e) {
            throw new Refused("The project is in no git repository of its own: git init, git add . and git commit in its folder; nothing was changed.");
        }
    }

    private static Map<String, String> asked(Properties properties) {
        Map<String, String> asked = new TreeMap<>();
        properties.stringPropertyNames().stream().filter(QUESTIONS::contains).forEach(name -> asked.put(name, properties.getProperty(name)));
        return asked;
    }

    private static void delete(Path folder) {
        if (folder != null) {
            try (Stream<Path> paths = Files.walk(folder)) {
                paths.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
            } catch (IOException e) { // It is a temporary one.
            }
        }
    }
}
