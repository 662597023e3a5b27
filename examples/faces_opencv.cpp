// SPDX-License-Identifier: Apache-2.0
// Faces in a picture with OpenCV's dnn in C++: a model written by
//   rf-export best.safetensors -o face.onnx --outputs anchors --input 480x640
//   g++ -O2 faces_opencv.cpp -o faces_opencv $(pkg-config --cflags --libs opencv4)     (apt-get install libopencv-dev)
//   ./faces_opencv face.onnx picture.png
// The picture is scaled into the upper left corner of the input; the card face.onnx.json tells size, colours, mean, anchors
// and thresholds. Prints one JSON line, in pixels of the picture.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <opencv2/dnn.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <vector>

struct Face {
    float score, box[4], points[10];
};

// Decodes the anchors of one level that reach the threshold; rows go on at `row`.
static void decode_level(const cv::FileNode &card, int level, cv::Size input, const float *loc, const float *conf,
                         const float *landms, size_t &row, std::vector<Face> &faces) {
    cv::FileNode anchors = card["anchors"], variances = card["variances"];
    int stride = (int)anchors["strides"][level];
    float first = (float)anchors["first_centre"][level];
    float vc = (float)variances["centre"], vs = (float)variances["size"], one = (int)anchors["plus_one"] ? 1.f : 0.f;
    float threshold = (float)card["thresholds"]["score"], factor = (float)card["thresholds"]["level_scores"][level];
    cv::FileNode widths = anchors["widths"][level], heights = anchors["heights"][level];
    for (int y = 0; y < (input.height + stride - 1) / stride; y++)
        for (int x = 0; x < (input.width + stride - 1) / stride; x++)
            for (size_t s = 0; s < widths.size(); s++, row++) {
                float score = conf[2 * row + 1] * factor;
                if (score < threshold) continue;
                float aw = (float)widths[(int)s], ah = (float)heights[(int)s];
                float ax = first + (float)(x * stride), ay = first + (float)(y * stride);
                const float *t = loc + 4 * row, *p = landms + 10 * row;
                float cx = ax + t[0] * vc * aw, cy = ay + t[1] * vc * ah;
                float w = (aw * std::exp(t[2] * vs) - one) / 2, h = (ah * std::exp(t[3] * vs) - one) / 2;
                Face face = {score, {cx - w, cy - h, cx + w, cy + h}, {}};
                for (int k = 0; k < 10; k++) face.points[k] = (k % 2 ? ay : ax) + p[k] * vc * (k % 2 ? ah : aw);
                faces.push_back(face);
            }
}

// Intersection over union; pixels count inclusively (+ 1), as in the field's evaluations.
static float overlap(const Face &a, const Face &b) {
    float w = std::min(a.box[2], b.box[2]) - std::max(a.box[0], b.box[0]) + 1;
    float h = std::min(a.box[3], b.box[3]) - std::max(a.box[1], b.box[1]) + 1;
    if (w <= 0 || h <= 0) return 0;
    auto area = [](const Face &f) { return (f.box[2] - f.box[0] + 1) * (f.box[3] - f.box[1] + 1); };
    return w * h / (area(a) + area(b) - w * h);
}

static std::vector<Face> suppress(std::vector<Face> faces, float limit) {
    std::vector<Face> kept;
    std::stable_sort(faces.begin(), faces.end(), [](const Face &a, const Face &b) { return a.score > b.score; });
    for (const Face &face : faces)
        if (std::none_of(kept.begin(), kept.end(), [&](const Face &k) { return overlap(k, face) > limit; }))
            kept.push_back(face);
    return kept;
}

// The picture, scaled to fit, on a ground of the mean; returns the scale.
static float prepare(const cv::Mat &picture, const cv::FileNode &card, cv::Size size, cv::Mat &blob) {
    cv::FileNode input = card["input"], mean = input["mean"], deviation = input["std"];
    bool rgb = (std::string)input["colour"] == "rgb";
    cv::Scalar ground((float)mean[rgb ? 2 : 0], (float)mean[1], (float)mean[rgb ? 0 : 2]); // OpenCV has BGR
    cv::Scalar spread((float)deviation[rgb ? 2 : 0], (float)deviation[1], (float)deviation[rgb ? 0 : 2]);
    float scale = std::min((float)size.width / (float)picture.cols, (float)size.height / (float)picture.rows);
    cv::Mat resized = picture, canvas(size, CV_32FC3, ground);
    if (scale != 1)
        cv::resize(picture, resized, cv::Size((int)std::lround((float)picture.cols * scale),
                                              (int)std::lround((float)picture.rows * scale)));
    resized.convertTo(canvas(cv::Rect(0, 0, resized.cols, resized.rows)), CV_32F);
    cv::divide(canvas - ground, cv::Mat(size, CV_32FC3, spread), canvas);
    blob = cv::dnn::blobFromImage(canvas, 1.0, cv::Size(), cv::Scalar(), rgb);
    return scale;
}

// Boxes into the scaled picture.
static void clip(std::vector<Face> &faces, const cv::Mat &picture, float scale, int plus_one) {
    long side[] = {std::lround((float)picture.cols * scale), std::lround((float)picture.rows * scale)};
    for (Face &face : faces)
        for (int k = 0; k < 4; k++) face.box[k] = std::min(std::max(face.box[k], 0.f), (float)(side[k % 2] - plus_one));
}

static void print_list(const char *name, const float *values, int n, float scale, const char *end) {
    std::printf("\"%s\": [", name);
    for (int i = 0; i < n; i++) std::printf(i ? ", %.9g" : "%.9g", (double)(values[i] / scale));
    std::printf("]%s", end);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: faces_opencv MODEL.onnx PICTURE\n");
        return 2;
    }
    cv::FileStorage file(std::string(argv[1]) + ".json", cv::FileStorage::READ | cv::FileStorage::FORMAT_JSON);
    cv::FileNode card = file.root(), shape = card["input"]["shape"];
    cv::Size size((int)shape[3], (int)shape[2]);
    cv::Mat picture = cv::imread(argv[2]), blob;
    if (picture.empty()) {
        std::fprintf(stderr, "faces_opencv: %s is missing or no picture that OpenCV reads\n", argv[2]);
        return 2;
    }
    float scale = prepare(picture, card, size, blob);
    cv::dnn::Net net = cv::dnn::readNetFromONNX(argv[1]);
    std::vector<cv::Mat> out;
    net.setInput(blob);
    net.forward(out, std::vector<cv::String>{"loc", "conf", "landms"});
    std::vector<Face> faces;
    size_t row = 0;
    for (int level = 0; level < (int)card["anchors"]["strides"].size(); level++)
        decode_level(card, level, size, out[0].ptr<float>(), out[1].ptr<float>(), out[2].ptr<float>(), row, faces);
    if ((int)card["thresholds"]["clip"]) clip(faces, picture, scale, (int)card["anchors"]["plus_one"]);
    std::printf("{\"image\": \"%s\", \"faces\": [", argv[2]);
    const char *comma = "";
    for (const Face &face : suppress(faces, (float)card["thresholds"]["iou"])) {
        std::printf("%s{\"score\": %.9g, ", comma, (double)face.score);
        print_list("box", face.box, 4, scale, ", ");
        print_list("points", face.points, 10, scale, "}");
        comma = ", ";
    }
    std::printf("]}\n");
    return 0;
}
