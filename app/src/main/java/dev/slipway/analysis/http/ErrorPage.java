package dev.slipway.analysis.http;

import io.swagger.v3.oas.annotations.Hidden;
import jakarta.servlet.RequestDispatcher;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.springframework.boot.webmvc.error.ErrorController;
import org.springframework.http.HttpStatus;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/** Answers as a problem what a filter or the servlet container refuses before a controller sees it. */
@Hidden
@RestController
class ErrorPage implements ErrorController {

    private static final String DETAIL = ErrorPage.class.getName() + ".detail";

    /** Refuses a request from within a filter, which must not go on afterwards. */
    static void send(HttpServletRequest request, HttpServletResponse response, HttpStatus status, String detail)
            throws IOException {
        request.setAttribute(DETAIL, detail);
        response.sendError(status.value());
    }

    @RequestMapping("${server.error.path:/error}")
    ResponseEntity<ProblemDetail> error(HttpServletRequest request) {
        Integer status = (Integer) request.getAttribute(RequestDispatcher.ERROR_STATUS_CODE);
        HttpStatusCode code = HttpStatusCode.valueOf(status == null ? 404 : status);
        ProblemDetail problem = ProblemType.of(code).describe(ProblemDetail.forStatus(code));
        String detail = (String) request.getAttribute(DETAIL);
        problem.setDetail(detail == null && code.value() == 400 ? Problems.SEND_ALL : detail); // Tomcat's, while it read a body.
        return Problems.answer(problem);
    }
}
