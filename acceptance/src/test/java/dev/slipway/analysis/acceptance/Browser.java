package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.openqa.selenium.support.ui.ExpectedConditions.not;
import static org.openqa.selenium.support.ui.ExpectedConditions.textToBePresentInElementLocated;
import static org.openqa.selenium.support.ui.ExpectedConditions.urlContains;
import static org.openqa.selenium.support.ui.ExpectedConditions.visibilityOfElementLocated;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.openqa.selenium.By;
import org.openqa.selenium.StaleElementReferenceException;
import org.openqa.selenium.TimeoutException;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;
import org.openqa.selenium.support.ui.ExpectedCondition;
import org.openqa.selenium.support.ui.WebDriverWait;

/** A Chromium with a profile of its own, which reaches this host alone. */
final class Browser implements AutoCloseable {

    private static final Path CHROMIUM = Path.of("/usr/bin/chromium");
    private static final Path DRIVER = Path.of("/usr/bin/chromedriver");
    private static final Path SCREENSHOTS = Path.of("target", "screenshots");
    private static final Duration SOON = Duration.ofSeconds(20);
    private static final String AXE = resource("/axe.min.js");

    private static final Logger SELENIUM = Logger.getLogger("org.openqa.selenium");

    static { // It warns of each Chromium that is newer than itself.
        SELENIUM.setLevel(Level.SEVERE);
    }

    private final List<String> expected = new ArrayList<>();
    private final String url;
    private final Path profile;
    private final ChromeDriver driver;

    Browser(String url) throws IOException {
        this.url = url;
        profile = Files.createTempDirectory("chromium");
        ChromeOptions options = new ChromeOptions();
        options.setBinary(CHROMIUM.toFile());
        options.setAcceptInsecureCerts(true); // The edge signs its own.
        options.addArguments("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
                "--disable-sync", "--no-first-run", "--window-size=1280,900", "--user-data-dir=" + profile,
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1");
        LoggingPreferences console = new LoggingPreferences();
        console.enable(LogType.BROWSER, Level.WARNING);
        options.setCapability("goog:loggingPrefs", console);
        driver = new ChromeDriver(new ChromeDriverService.Builder().usingDriverExecutable(DRIVER.toFile()).build(), options);
    }

    void open(String path) {
        driver.get(url + path);
    }

    ChromeDriver driver() {
        return driver;
    }

    <T> T await(ExpectedCondition<T> condition) {
        try {
            return new WebDriverWait(driver, SOON, Duration.ofMillis(100)).ignoring(StaleElementReferenceException.class).until(condition);
        } catch (TimeoutException e) {
            throw new AssertionError(e.getMessage().lines().limit(1).toList() + " at " + driver.getCurrentUrl() + ", which shows:\n"
                    + driver.findElement(By.tagName("body")).getText(), e);
        }
    }

    /** The element, once it is seen. */
    WebElement see(String css) {
        return await(visibilityOfElementLocated(By.cssSelector(css)));
    }

    void see(String css, String text) {
        await(textToBePresentInElementLocated(By.cssSelector(css), text));
    }

    void seeNo(String css, String text) {
        await(not(textToBePresentInElementLocated(By.cssSelector(css), text)));
    }

    void at(String path) {
        await(urlContains(url + path));
    }

    /** A button, by its accessible name. */
    WebElement button(String name) {
        return await(visible -> visible.findElements(By.cssSelector("button, input[type=submit]")).stream()
                .filter(button -> button.isDisplayed() && name.equals(button.getAccessibleName()))
                .findFirst()
                .orElse(null));
    }

    void press(String button) {
        button(button).click();
    }

    void follow(String link) {
        await(visibilityOfElementLocated(By.linkText(link))).click();
    }

    void fill(String css, String text) {
        WebElement field = see(css);
        field.clear();
        field.sendKeys(text);
    }

    void signIn(String token) {
        open("/page/sign-in");
        fill("#token", token);
        press("Sign in");
    }

    Object script(String script, Object... arguments) {
        return driver.executeScript(script, arguments);
    }

    /** The network's state, with so many bytes a second to the server where that is not 0. */
    void network(boolean offline, int upload) {
        driver.executeCdpCommand("Network.enable", Map.of());
        driver.executeCdpCommand("Network.emulateNetworkConditions", Map.of("offline", offline, "latency", 0, "downloadThroughput", -1,
                "uploadThroughput", upload == 0 ? -1 : upload));
    }

    /** What the browser may say of this test on its console: a request that is refused is an error there. */
    void expect(String message) {
        expected.add(message);
    }

    List<String> console() {
        return driver.manage().logs().get(LogType.BROWSER).getAll().stream()
                .map(entry -> entry.getLevel() + " " + entry.getMessage())
                .filter(message -> expected.stream().noneMatch(message::contains))
                .toList();
    }

    /** Forgets who signed in, what a test expected, and the tabs but one. */
    void forget() {
        List<String> tabs = new ArrayList<>(driver.getWindowHandles());
        for (String tab : tabs.subList(1, tabs.size())) {
            driver.switchTo().window(tab).close();
        }
        driver.switchTo().window(tabs.get(0));
        driver.get("about:blank");
        driver.executeCdpCommand("Network.clearBrowserCookies", Map.of());
        network(false, 0);
        console();
        expected.clear();
    }

    /** Of this state: screenshots in light, in dark and in a narrow window, all three of which must be accessible. */
    void look(String state) throws IOException {
        if (!(Boolean) script("return 'axe' in window")) {
            script(AXE);
        }
        look(state + "-light", "light", 1280);
        look(state + "-dark", "dark", 1280);
        look(state + "-narrow", "light", 320);
        driver.executeCdpCommand("Emulation.clearDeviceMetricsOverride", Map.of());
    }

    private void look(String name, String scheme, int width) throws IOException {
        driver.executeCdpCommand("Emulation.setEmulatedMedia",
                Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", scheme))));
        driver.executeCdpCommand("Emulation.setDeviceMetricsOverride",
                Map.of("width", width, "height", 900, "deviceScaleFactor", 1, "mobile", false));
        Files.createDirectories(SCREENSHOTS);
        Object png = driver.executeCdpCommand("Page.captureScreenshot", Map.of("captureBeyondViewport", true)).get("data");
        Files.write(SCREENSHOTS.resolve(name + ".png"), Base64.getDecoder().decode((String) png));

        assertThat((Boolean) script("return document.scrollingElement.scrollWidth <= window.innerWidth")).as(name + " scrolls sideways").isTrue();
        assertThat((List<?>) driver.executeAsyncScript("""
                const done = arguments[0];
                axe.run().then(found => done(found.violations.map(one => one.id + ': ' + one.help + ', '
                    + one.nodes.map(node => node.target + ' ' + node.failureSummary).join('; '))), error => done([String(error)]));
                """)).as("what axe finds in " + name).isEmpty();
    }

    @Override
    public void close() throws IOException {
        driver.quit();
        try (Stream<Path> files = Files.walk(profile)) {
            files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
        }
    }

    private static String resource(String name) {
        try (var stream = Browser.class.getResourceAsStream(name)) {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Skips the tests where there is no Chromium. */
    static final class Installed implements ExecutionCondition {

        private static final String MISSING = "there is no Chromium: apt-get install chromium chromium-driver";

        @Override
        public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
            if (Files.isExecutable(CHROMIUM) && Files.isExecutable(DRIVER)) {
                return ConditionEvaluationResult.enabled("there is a Chromium");
            }
            System.out.println("SKIPPED: " + context.getRequiredTestClass().getSimpleName() + ", for " + MISSING);
            return ConditionEvaluationResult.disabled(MISSING);
        }
    }
}
