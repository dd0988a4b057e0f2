package dev.slipway.update;

import java.io.IOException;
import java.nio.file.Path;
import org.apache.maven.execution.MavenSession;
import org.apache.maven.plugin.AbstractMojo;
import org.apache.maven.plugin.MojoExecutionException;
import org.apache.maven.plugin.MojoFailureException;
import org.apache.maven.plugins.annotations.Mojo;
import org.apache.maven.plugins.annotations.Parameter;

/** Says in a line whether the template is newer than the project, and fails if so: for a weekly job. */
@Mojo(name = "check", requiresProject = false, aggregator = true)
public final class CheckMojo extends AbstractMojo {

    /** The version to compare with; Maven takes the newest plugin where a command names none, and that is of the same version. */
    @Parameter(property = "slipway.version", defaultValue = "${plugin.version}")
    private String version;

    @Parameter(defaultValue = "${session}", readonly = true)
    private MavenSession session;

    @Override
    public void execute() throws MojoExecutionException, MojoFailureException {
        try {
            String made = Answers.read(Path.of(session.getExecutionRootDirectory())).archetypeVersion();
            if (!made.equals(version)) {
                throw new MojoFailureException("The template is at " + version + ", and this project at " + made + ": mvn dev.slipway:slipway-maven-plugin:update");
            }
            getLog().info("This project is at " + made + ", as the template is.");
        } catch (Refused e) {
            throw new MojoFailureException(e.getMessage());
        } catch (IOException e) {
            throw new MojoExecutionException(e.getMessage(), e);
        }
    }
}
